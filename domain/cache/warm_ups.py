"""Warm-ups: what is asked for most is loaded before it is asked for, by one process at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import redis
import structlog

from domain.cache.cache import Cache
from domain.cache.cached_queries import CachedQueries
from domain.cache.epoch import PREFIX, random_id
from domain.cache.hot import Hot
from domain.cache.keys import key_of
from domain.model.errors import NotFound

log = structlog.get_logger(__name__)

_JOB = f"{PREFIX}{{all}}:warmup:"
_QUEUE = f"{_JOB}queue"
_RUNNER = f"{_JOB}runner"

#: Seconds for which a job can be watched, and after which a runner that says nothing is taken for dead.
_KEPT, _SILENT = 86_400, 10

#: Jobs that wait at most: more of them would only do the same again.
_MOST_WAITING = 100

#: How many answers are loaded between two times that the runner tells how far it is.
_STEP = 10

#: Returns tenants to begin with where nobody has asked for anything yet: of all, or the one named.
Tenants = Callable[[int], Iterable[str]]


class WarmUpNotFound(NotFound):
    """There is no such warm-up, or it was too long ago."""


class WarmUps:
    """Warm-ups that anybody asks for, and whoever drives them runs, one after the other.

    What a runner that died had in hand is begun again by the next; what is warm already costs it next to nothing.
    """

    def __init__(
        self, client: redis.Redis, cache: Cache, queries: CachedQueries, hot: Hot, tenants: Tenants,
        *, most: int, per_second: float,
    ) -> None:  # fmt: skip
        self._client = client
        self._cache = cache
        self._queries = queries
        self._hot = hot
        self._tenants = tenants
        self._most = most
        self._per_second = per_second

    def ask(self, by: str, tenant_id: str | None = None, limit: int | None = None) -> dict[str, Any]:
        """Ask for a warm-up of the hottest keys, or of those of a tenant; return its progress. Raises RedisError."""
        id = random_id()
        job: dict[Any, Any] = {
            "id": id, "state": "waiting", "by": by, "tenant_id": tenant_id or "",
            "limit": min(limit or self._most, self._most), "keys": 0, "done": 0, "loaded": 0, "seconds": 0, "error": "",
        }  # fmt: skip
        with self._client.pipeline() as pipe:
            pipe.hset(_JOB + id, mapping=job)
            pipe.expire(_JOB + id, _KEPT)
            pipe.rpush(_QUEUE, id)
            pipe.ltrim(_QUEUE, 0, _MOST_WAITING - 1)
            pipe.execute()
        return self.progress(id)

    def progress(self, id: str) -> dict[str, Any]:
        """Return how far a warm-up is. Raises WarmUpNotFound, RedisError."""
        found: Any = self._client.hgetall(_JOB + id)
        if not found:
            raise WarmUpNotFound
        job: dict[str, Any] = {name.decode(): value.decode() for name, value in found.items()}
        job |= {name: int(job[name]) for name in ("limit", "keys", "done", "loaded")}
        return job | {
            "tenant_id": job["tenant_id"] or None,
            "seconds": float(job["seconds"]),
            "error": job["error"] or None,
        }

    @property
    def waiting(self) -> int:
        """How many warm-ups wait or run. Raises RedisError."""
        return int(self._client.llen(_QUEUE))

    def drive(self) -> bool:
        """Run the warm-up that waits longest, unless another process runs one; return whether it did.

        Raises RedisError, and what reading does.
        """
        token = random_id()
        if not self.waiting or not self._client.set(_RUNNER, token, nx=True, ex=_SILENT):
            return False
        self._cache.start()
        id: Any = self._client.lindex(_QUEUE, 0)
        try:
            self._run(self.progress(id.decode()), token)
        except WarmUpNotFound:
            pass
        except Exception as error:
            self._client.hset(_JOB + id.decode(), mapping={"state": "failed", "error": type(error).__name__})
            raise
        finally:
            if self._client.get(_RUNNER) == token.encode():
                self._client.lpop(_QUEUE)
                self._client.delete(_RUNNER)
        return True

    def _run(self, job: dict[str, Any], token: str) -> None:
        started = time.monotonic()
        texts = self.keys(job["tenant_id"], job["limit"])
        loaded = done = 0
        for start in range(0, len(texts), _STEP):
            if self._client.get(_RUNNER) != token.encode():
                # It took too long, and another one has begun it again.
                return
            self._client.expire(_RUNNER, _SILENT)
            step = texts[start : start + _STEP]
            asked = (found for text in step if (found := self._queries.asked(text)) is not None)
            loaded += self._cache.warm(asked, self._per_second)
            done += len(step)
            self._say(job["id"], "running", started, keys=len(texts), done=done, loaded=loaded)
        self._say(job["id"], "done", started, keys=len(texts), done=done, loaded=loaded)
        log.info("The cache has been warmed up.", warmup=job["id"], by=job["by"], keys=done, loaded=loaded)

    def _say(self, id: str, state: str, started: float, **numbers: int) -> None:
        said: dict[Any, Any] = {"state": state, "seconds": round(time.monotonic() - started, 3), **numbers}
        self._client.hset(_JOB + id, mapping=said)

    def keys(self, tenant_id: str | None, limit: int) -> list[str]:
        """Return the keys to warm, the hottest first, then those that every client begins with. Raises RedisError."""
        texts = self._hot.most(10 * self._most if tenant_id else limit)
        if tenant_id is not None:
            # Every key names its tenant.
            texts = [text for text in texts if tenant_id in text]
        tenants = [tenant_id] if tenant_id is not None else self._tenants(limit)
        for tenant in tenants:
            if len(texts) >= limit:
                break
            texts += [
                key_of("tenant_summary", tenant).text,
                key_of("dashboard", tenant).text,
                key_of("users_of_tenant", tenant).text,
                key_of("workspaces_of_tenant", tenant).text,
            ]
        return list(dict.fromkeys(texts))[:limit]
