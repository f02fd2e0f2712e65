"""The answers in Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import redis
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching.backends.rediscache import RedisCache
from redis.exceptions import ClusterDownError

from domain.cache.answer import Found
from domain.cache.envelope import Envelope, Unreadable
from domain.cache.epoch import PREFIX, Epoch, Names, random_id
from domain.cache.guard import Guard
from domain.cache.keys import Key
from domain.cache.looked import Ask, Down, Hit, Lease, Wait
from domain.cache.scripts import Elsewhere, run
from domain.model.position import Position, shard_of
from domain.telemetry.counters import Counters

#: How often an answer is asked for again because the server has moved, or has no fence.
_ATTEMPTS = 5


class JsonSerializer(BaseSerializer):
    """For what is stored by flask-caching's own methods: JSON, as a pickle could run anything."""

    def dumps(self, value: Any, protocol: int = 0) -> bytes:  # noqa: ARG002 - the pickle's
        return orjson.dumps(value)

    def loads(self, bvalue: bytes | None) -> Any:
        return None if bvalue is None else orjson.loads(bvalue)


class L2(RedisCache):
    """flask-caching's Redis backend, with fenced entries beside its own plain ones."""

    def __init__(
        self,
        epoch: Epoch,
        envelope: Envelope,
        guard: Guard,
        stats: Counters,
        applied: Callable[[int], int],
        unreadable: Callable[[], object] = lambda: None,
    ) -> None:
        """*applied* returns the offset that the furthest projection has reached on a shard, read where they write.

        *unreadable* is called for each entry that can't be opened.
        """
        super().__init__(host=epoch.servers.home, key_prefix=f"{PREFIX}{{all}}:plain:")
        self.serializer = JsonSerializer()  # type: ignore[assignment]
        self.guard = guard
        self._client = epoch.servers.home
        self._epoch = epoch
        self._envelope = envelope
        self._stats = stats
        self._applied = applied
        self._unreadable = unreadable

    @classmethod
    def factory(cls, app: Flask, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> L2:  # noqa: ARG003
        """Return the backend that was made by hand: flask-caching asks for it when the app is set up."""
        backend: L2 = config["CACHE_BACKEND"]
        return backend

    def look(self, key: Key, ask: Ask) -> Hit | Lease | Wait:
        """Look *key* up; who finds nothing gets the lease to load it, if nobody has it. Raises Down."""
        for _ in range(_ATTEMPTS):
            names = self._names(key.tenant_id)
            keys = [names.fences, names.entry(key.text), names.lease(key.text, ask.least), *names.state]
            args = [names.epoch, ask.least, ask.token, " ".join(key.tags)]
            reply = self._run("look", names, keys, args)
            match reply:
                case [b"HIT", header, tags, sealed, left, refresh]:
                    id, renewals, offset, etag = header.split(b" ")
                    lease = Lease(names, ask.token, id, int(renewals), 0, ask.least) if refresh else None
                    try:
                        body = self._envelope.open(sealed, associated(names.entry(key.text), header, tags))
                    except Unreadable:
                        self._stats.count("l2", key.query, "unreadable")
                        self._unreadable()
                        self._make_way(names, key, lease)
                        continue
                    position = Position(shard_of(key.tenant_id), int(offset))
                    ends = time.monotonic() + left / 1000
                    found = Found(body, position, tuple(tags.decode().split(" ")), ends, "l2", etag.decode())
                    return Hit(found, lease)
                case [b"LEAD", id, renewals, offset, leased, stale]:
                    if stale:
                        self._stats.count("l2", key.query, "stale")
                    return Lease(names, ask.token if leased else "", id, int(renewals), offset, ask.least)
                case [b"WAIT"]:
                    return Wait()
                case [b"UNFENCED"]:
                    self._mint(names, key.tenant_id)
                case _:
                    self._again(key.tenant_id)
        raise Down

    def store(self, key: Key, lease: Lease, found: Found) -> bool:
        """Store what was loaded under *lease*, if all still stands as it did then. Raises Down."""
        names = lease.names
        header = b"%b %d %d %b" % (lease.id, lease.renewals, found.position.offset, found.etag.encode())
        tags = " ".join(found.tags).encode()
        entry = names.entry(key.text)
        try:
            sealed = self._envelope.seal(found.body, associated(entry, header, tags))
        except ValueError:
            self._stats.count("l2", key.query, "rejected")
            return False
        ttl = max(1, int((found.expires_at - time.monotonic()) * 1000))
        keys = [names.fences, entry, names.lease(key.text, lease.least), *names.state]
        args = [names.epoch, lease.token, header, tags, sealed, ttl]
        stored: bool = self._run("store", names, keys, args) == [b"STORED"]
        self._stats.count("l2", key.query, "stored" if stored else "rejected")
        if stored:
            self._stats.count("l2", key.query, "bytes", len(sealed))
        return stored

    def keep(self, key: Key, lease: Lease, seconds: float) -> None:
        """Keep *lease* for so long from now; 0 gives it back. Raises Down."""
        if lease.token:
            name = lease.names.lease(key.text, lease.least)
            self._run("keep", lease.names, [name], [lease.token, int(seconds * 1000)])

    def disconnect(self) -> None:
        self._epoch.servers.close()

    def _make_way(self, names: Names, key: Key, lease: Lease | None) -> None:
        """Drop an entry that can't be read, so that it is loaded again."""
        if lease is not None:
            self.keep(key, lease, 0)
        self.guard(lambda: names.place.client.unlink(names.entry(key.text)), names.place.name)

    def _mint(self, names: Names, tenant_id: str) -> None:
        try:
            offset = self._applied(shard_of(tenant_id))
        except Exception as error:
            # Without a database there is nothing to cache; the loader says so better.
            raise Down from error
        self._run("mint", names, [names.fences, *names.state], [names.epoch, random_id(), offset])

    def _names(self, tenant_id: str) -> Names:
        try:
            for attempt in range(2):
                if found := self._epoch.names(tenant_id):
                    return found
                if not attempt:
                    self._again(tenant_id)
        except redis.RedisError as error:
            raise Down from error
        raise Down

    def _again(self, tenant_id: str) -> None:
        """Find out what the names are. Raises Down."""
        self.guard(self._epoch.again)
        servers = self._epoch.servers
        if servers.together:
            return
        try:
            node = servers.node(tenant_id)
        except redis.RedisError as error:
            raise Down from error
        if self._epoch.names(tenant_id) is None:
            self.guard(lambda: servers.enter(tenant_id), node)

    def _run(self, script: str, names: Names, keys: list[str], args: list[Any]) -> Any:
        """Return what *script* does, or None if the names are not those of the present run."""

        def call() -> Any:
            try:
                return run(names.place.client, script, names.run_id, keys, args)
            except Elsewhere:
                self._epoch.servers.lost(names.place)
                return None
            except (redis.ConnectionError, redis.TimeoutError, ClusterDownError):
                self._epoch.servers.lost(names.place)
                raise

        return self.guard(call, names.place.name)


def associated(entry: str, header: bytes, tags: bytes) -> bytes:
    """Return what an entry is bound to: its key, and what the fence knows of it."""
    return b"%b\n%b\n%b" % (entry.encode(), header, tags)
