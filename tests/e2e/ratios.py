"""How much of what is asked about the sample the caches of a running fleet answer, as its own answers say."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPMessage
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.e2e.comparison import Tables
from tests.e2e.fleet import wait_for
from tests.faults.scale import scaled

#: Reads of each phase, how many go before a warm-up, and how many come between two writes.
READS, USUAL, READS_PER_WRITE = 1500, scaled(4000, 6000), 100

#: Seconds after which a web process has told what was asked for: every two, it tells of the 200 hottest keys.
TOLD = 2.2


class Ratios(NamedTuple):
    """Which part was a hit: of first requests, of those after a warm-up, and of what is hot, with 1 % writes."""

    cold: float
    warm: float
    hot: float


class Readers:
    """Ask by Zipf's law: the n-th most wanted thing is asked for 1/n as often as the first."""

    def __init__(self, url: str, headers: dict[str, str], tables: Tables) -> None:
        # Thousands of requests: a client of more comfort would take longer over them than the service.
        self._http = HTTPConnection(urlsplit(url).netloc, timeout=5)
        self._bare, self._headers = headers, headers | {"Content-Type": "application/json"}
        tenants = [tenant for (tenant,) in tables["tenant_summary_projections"]]
        self._users = sorted(user["user_id"] for user in tables["user_projections"].values())
        active = (user for user in tables["user_projections"].values() if user["status"] == "active")
        self._active = sorted(user["user_id"] for user in active)
        workspaces = sorted(id for _, id in tables["workspace_projections"])
        paths = [
            *(f"/tenants/{tenant}/{view}" for tenant in sorted(tenants) for view in ("summary", "dashboard")),
            *(f"/{things}/tenant/{tenant}" for tenant in sorted(tenants) for things in ("users", "workspaces")),
            *(f"/users/{user}" for user in self._users),
            *(f"/workspaces/{id}{part}" for id in workspaces for part in ("", "/members")),
        ]
        random.Random(7).shuffle(paths)
        self.paths = paths
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(paths) + 1)))
        self._chance = random.Random(11)

    def choose(self, count: int = READS) -> list[str]:
        return self._chance.choices(self.paths, cum_weights=self._weights, k=count)

    def read(self, path: str) -> bool:
        """Return whether a cache had the answer: what another request loaded meanwhile doesn't count."""
        headers, _ = self._send("GET", path)
        return any(part.split(";")[1] == " hit" for part in headers["Cache-Status"].split(", "))

    def ratio(self, paths: Iterable[str]) -> float:
        hits = [self.read(path) for path in paths]
        return sum(hits) / len(hits)

    def ratio_with_writes(self) -> float:
        """Like ratio(), while somebody's name changes from time to time."""
        hits = []
        for number, path in enumerate(self.choose()):
            if number % READS_PER_WRITE == 0:
                self._send("PATCH", f"/users/{self._chance.choice(self._active)}", {"first_name": f"Name {number}"})
            hits.append(self.read(path))
        return sum(hits) / len(hits)

    def invalidate(self) -> None:
        self._send("POST", "/admin/cqrs/cache/invalidate", {"tags": ["*"]})

    def warm_up(self) -> None:
        """Ask for a warm-up, and watch it to its end."""
        headers, _ = self._send("POST", "/admin/cqrs/cache/warmup")
        job = headers["Location"].removeprefix("/api/v1")

        def ended() -> dict[str, object] | None:
            _, found = self._send("GET", job)
            return found if found["state"] in ("done", "failed") else None

        done = wait_for(ended, 30, "the warm-up")
        assert done["state"] == "done", done
        assert done["loaded"], done
        print(f"\nwarm-up: {done['loaded']} of {done['keys']} keys loaded, of {len(self.paths)} that are asked for")

    def close(self) -> None:
        self._http.close()

    def _send(self, method: str, path: str, body: dict[str, object] | None = None) -> tuple[HTTPMessage, Any]:
        written = None if body is None else json.dumps(body)
        self._http.request(method, f"/api/v1{path}", written, self._headers if body else self._bare)
        answer = self._http.getresponse()
        content = answer.read()
        assert answer.status < 400, f"{method} {path}: {content!r}"
        return answer.headers, json.loads(content)


def ratios_of(url: str, headers: dict[str, str], tables: Tables) -> Ratios:
    """Measure, with *headers* of a super admin and the sample's *tables*."""
    readers = Readers(url, headers, tables)
    readers.invalidate()
    usual = readers.choose(USUAL)
    first = list(dict.fromkeys(usual))
    cold = readers.ratio(first)
    # A warm-up knows only what was asked for before, for some time.
    readers.ratio(usual)
    time.sleep(TOLD)
    readers.invalidate()
    readers.warm_up()
    asked = readers.choose()
    warm = readers.ratio(asked)
    # What is hot has all been asked for since.
    readers.ratio(path for path in readers.paths if path not in set(asked))
    hot = readers.ratio_with_writes()
    readers.close()
    return Ratios(cold, warm, hot)
