"""Which keys are the present ones: those of this run of the server, in this epoch."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import redis

from domain.cache import scripts
from domain.cache.servers import Place, Servers

#: What all keys begin with.
PREFIX = "cache:"

#: One key tells of the epoch and the stream, for all tenants; it lies with the stream.
STATE = f"{PREFIX}{{all}}:state"
STREAM = f"{PREFIX}{{all}}:stream"
HOT = f"{PREFIX}{{all}}:hot"


class State(NamedTuple):
    """What the server says of itself. Without an *epoch* it can't be written to, so nothing may be cached on it."""

    run_id: str
    epoch: str | None
    stream: str | None
    messages: int

    @classmethod
    def read(cls, client: redis.Redis) -> State:
        """Ask the server, which makes an epoch and a stream where there are none. Raises RedisError."""
        run_id = scripts.enter(client)
        return cls.of(run_id, cls.ask(client, run_id))

    @classmethod
    def ask(cls, client: Any, run_id: str) -> Any:
        """Run state.lua on *client*, or put it into that pipeline."""
        return scripts.run(client, "state", run_id, [STATE], [random_id(), run_id])

    @classmethod
    def of(cls, run_id: str, reply: list[Any]) -> State:
        """Read what state.lua gave."""
        epoch, stream, messages = reply
        return cls(run_id, epoch and epoch.decode(), stream and stream.decode(), int(messages))


class Names(NamedTuple):
    """The keys of one tenant, in one slot, as they are in one epoch on one run of the server at *place*.

    *state* is the key that tells of the epoch, for scripts to look at; empty where it lies on another server.
    """

    place: Place
    epoch: str
    start: str
    state: tuple[str, ...]

    @property
    def run_id(self) -> str:
        return self.place.run_id

    @property
    def fences(self) -> str:
        return f"{self.start}fences"

    def entry(self, text: str) -> str:
        return f"{self.start}entry:{text}"

    def lease(self, text: str, least: int) -> str:
        """Who asks for more than what is there loads for those who ask for the same."""
        return f"{self.start}lease:{least}:{text}"


class Epoch:
    """What this process knows of the server's run and epoch. It learns by asking, and by being told."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._lock = threading.Lock()
        self._known: State | None = None
        self._asked = 0.0
        self._listeners: list[Callable[[], None]] = []

    @property
    def known(self) -> State | None:
        return self._known

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever all keys become other ones."""
        self._listeners.append(listener)

    def names(self, tenant_id: str, *, asked: bool = False) -> Names | None:
        """Return the tenant's keys as far as is known, or None if nothing is known, or nothing may be cached.

        Where scripts can't look at the state themselves, who reads by these names must know it from a moment ago.
        *asked*: the caller finds out by itself whether the names were right. Raises RedisError.
        """
        known = self._known
        if known is None or known.epoch is None:
            return None
        servers = self.servers
        if not asked and time.monotonic() - self._asked > servers.lasts:
            return None
        place = servers.place(tenant_id, known.run_id)
        if place is None:
            return None
        start = f"{PREFIX}{{{tenant_id}}}:{scripts.short(known.run_id)}:{known.epoch}:"
        if servers.together:
            return Names(place, known.epoch, start, (STATE,))
        return Names(place, known.epoch, f"{start}{scripts.short(place.run_id)}:", ())

    def learn(self, state: State, asked: float) -> State:
        """Take over what the server said when it was *asked*."""
        with self._lock:
            before, self._known, self._asked = self._known, state, asked
        if before is not None and (before.run_id, before.epoch) != (state.run_id, state.epoch):
            for listener in self._listeners:
                listener()
        return state

    def again(self) -> State:
        """Ask the server, as nothing is known yet, or a script has said that it is wrong. Raises RedisError."""
        asked = time.monotonic()
        return self.learn(State.read(self.servers.home), asked)


def random_id() -> str:
    return secrets.token_hex(8)
