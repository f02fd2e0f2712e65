"""What happens when this process's memory has no answer: Redis is asked, and one request loads it for all."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from domain.cache.answer import Found, Loaded, etag_of
from domain.cache.epoch import random_id
from domain.cache.guard import SLOW
from domain.cache.health import Health
from domain.cache.keys import ABSENT_TTL, Key, jittered
from domain.cache.l1 import L1, Ticket
from domain.cache.l2 import L2
from domain.cache.looked import Ask, Down, Hit, Lease, Wait
from domain.cache.scripts import LEASE
from domain.cache.single_flight import Flight, Flights
from domain.cache.tags import shown
from domain.model.position import Position, shard_of
from domain.telemetry.counters import Counters

#: What gives the answer if no cache does. None stands for what isn't there; a loader that reads a replica has to say
#: instead at which position it isn't there, with a body that is None.
Loader = Callable[[], Loaded | None]

#: Seconds that a request waits for what another one loads, before it loads it itself.
PATIENCE = 5.0

#: Seconds between two looks at whether another process has loaded it: at first, and at most.
_FIRST, _LONGEST = 0.002, 0.05


class Got(NamedTuple):
    """An answer, and a time at which it is known to have been the present one."""

    found: Found
    current_at: float
    stored: bool = False


class Loading:
    """Loads each answer once, in all processes, for all who ask meanwhile and may accept it."""

    def __init__(self, l1: L1, l2: L2, stats: Counters, health: Health) -> None:
        self._l1 = l1
        self._l2 = l2
        self._stats = stats
        self._health = health
        self._flights = Flights()
        self._held: dict[str, tuple[Key, Lease]] = {}
        #: Leases under which nothing was stored, to be given back when nobody waits for that.
        self._left: deque[tuple[Key, Lease]] = deque()

    def get(self, key: Key, loader: Loader, least: int, arrived: float) -> Found:
        """Return an answer that was the present one at or after the time *arrived*. Raises what *loader* raises."""
        deadline = arrived + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            flight, leads = self._flights.board(key.text, least)
            if leads:
                return self._lead(flight, key, loader, least)
            found = flight.wait(left, arrived)
            if found is not None:
                self._stats.count("l2", key.query, "coalesced")
                return found._replace(shared=True)
        return self._load(key, loader, None).found

    def aside(self, key: Key, loader: Loader, least: int) -> Found:
        """Return an answer without ever waiting for another one who loads it. Raises what *loader* raises."""
        if not self._health.readable:
            self._stats.count("l2", key.query, "bypass")
            return self._load(key, loader, None).found
        ticket, asked = self._l1.ticket(), time.monotonic()
        try:
            looked = self._l2.look(key, Ask(least, random_id()))
        except Down:
            self._stats.count("l2", key.query, "bypass")
            return self._load(key, loader, None).found
        if isinstance(looked, Hit):
            return self._hit(key, loader, ticket, Got(looked.found, asked), looked.lease, waited=False).found
        self._stats.count("l2", key.query, "miss")
        if isinstance(looked, Lease):
            return self._load(key, loader, looked, store=time.monotonic() - asked < SLOW).found
        return self._load(key, loader, None).found._replace(bypassed=False)

    def fill(self, key: Key, loader: Loader, least: int = 0) -> bool:
        """Load and store an answer if none at or past *least* is there, and nobody else is loading it."""
        try:
            looked = self._l2.look(key, Ask(least, random_id()))
        except Down:
            return False
        lease = looked.lease if isinstance(looked, Hit) else looked
        return isinstance(lease, Lease) and self._load(key, loader, lease).stored

    def keep_leases(self) -> None:
        """Keep the leases of the loads that are under way, and give back those that were left."""
        while self._left:
            self._give_back(*self._left.popleft())
        for key, lease in list(self._held.values()):
            try:
                self._l2.keep(key, lease, LEASE)
            except Down:
                return

    def _lead(self, flight: Flight, key: Key, loader: Loader, least: int) -> Found:
        try:
            got = self._find(key, loader, least)
            flight.land(got.found, got.current_at)
            return got.found
        except BaseException as error:
            flight.crash(error)
            raise
        finally:
            self._flights.end(key.text, least)

    def _find(self, key: Key, loader: Loader, least: int) -> Got:
        if not self._health.readable:
            self._stats.count("l2", key.query, "bypass")
            return self._load(key, loader, None)
        deadline = time.monotonic() + PATIENCE
        pause = _FIRST
        waited = retried = False
        while time.monotonic() < deadline:
            ticket, asked = self._l1.ticket(), time.monotonic()
            try:
                looked = self._l2.look(key, Ask(least, random_id()))
            except Down:
                if waited and not retried:
                    # Another one is loading it, and may have done so by now.
                    retried = True
                    continue
                self._stats.count("l2", key.query, "bypass")
                return self._load(key, loader, None)
            match looked:
                case Hit(found, lease):
                    return self._hit(key, loader, ticket, Got(found, asked), lease, waited)
                case Lease():
                    self._stats.count("l2", key.query, "miss")
                    # One call that is slow is all that a request pays for.
                    return self._load(key, loader, looked, store=time.monotonic() - asked < SLOW)
                case Wait():
                    # Whoever waits in other processes should not look at the same moment.
                    waited = True
                    time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                    pause = min(pause * 1.5, _LONGEST)
        self._stats.count("l2", key.query, "miss")
        return self._load(key, loader, None)

    def _hit(self, key: Key, loader: Loader, ticket: Ticket, got: Got, lease: Lease | None, waited: bool) -> Got:
        if waited:
            self._stats.count("l2", key.query, "coalesced")
        else:
            self._stats.count("l2", key.query, "absent_hit" if got.found.body is None else "hit")
        if lease is not None:
            self._stats.count("l2", key.query, "refresh")
            try:
                loaded = self._load(key, loader, lease)
            except Exception:
                # What is there is still good.
                self._stats.count("l2", key.query, "failed")
                return got
            # A replica that is behind may give an older one than what is there.
            return got if loaded.found.position.offset < got.found.position.offset else loaded
        self._l1.put(ticket, key.tenant_id, key.text, got.found, got.current_at)
        return got._replace(found=got.found._replace(shared=waited))

    def _load(self, key: Key, loader: Loader, lease: Lease | None, store: bool = True) -> Got:
        """Load, and store under *lease*. Without one the answer is only given."""
        started = time.monotonic()
        if lease is not None:
            self._held[lease.token] = key, lease
        try:
            loaded = loader()
        except BaseException:
            self._give_back(key, lease)
            raise
        finally:
            if lease is not None:
                self._held.pop(lease.token, None)
        self._stats.count("load", key.query, "load")
        self._stats.count("load", key.query, "load_us", int((time.monotonic() - started) * 1e6))
        found = _found(key, loaded, 0 if lease is None else lease.offset)
        if lease is None:
            return Got(found._replace(bypassed=True), started)
        if not store:
            self._left.append((key, lease))
            return Got(found, started)
        return self._store(key, lease, found, started)

    def _store(self, key: Key, lease: Lease, found: Found, started: float) -> Got:
        ticket, asked = self._l1.ticket(), time.monotonic()
        try:
            stored = self._l2.store(key, lease, found)
        except Down:
            return Got(found, started)
        if not stored:
            return Got(found, started)
        self._l1.put(ticket, key.tenant_id, key.text, found, asked)
        return Got(found, asked, stored=True)

    def _give_back(self, key: Key, lease: Lease | None) -> None:
        if lease is not None:
            with suppress(Down):
                self._l2.keep(key, lease, 0)


def _found(key: Key, loaded: Loaded | None, offset: int) -> Found:
    """Make an answer of what was loaded. What isn't there has not been since its fences stood at *offset*."""
    body = None if loaded is None else loaded.body
    position = Position(shard_of(key.tenant_id), offset) if loaded is None else loaded.position
    ttl = jittered(ABSENT_TTL if body is None else key.ttl)
    return Found(body, position, (*key.tags, *shown(key.row, body)), time.monotonic() + ttl, "load", etag_of(body))
