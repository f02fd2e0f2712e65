"""Which keys are the present ones: those of this run of the server, in this epoch."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import redis

from domain.cache import scripts

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
        return scripts.run(client, "state", run_id, [STATE], [random_id()])

    @classmethod
    def of(cls, run_id: str, reply: list[Any]) -> State:
        """Read what state.lua gave."""
        epoch, stream, messages = reply
        return cls(run_id, epoch and epoch.decode(), stream and stream.decode(), int(messages))


class Names(NamedTuple):
    """The keys of one tenant, in one slot, as they are in one epoch on one run of the server."""

    run_id: str
    epoch: str
    start: str

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

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: State | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def known(self) -> State | None:
        return self._known

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever all keys become other ones."""
        self._listeners.append(listener)

    def names(self, tenant_id: str) -> Names | None:
        """Return the tenant's keys as far as is known, or None if nothing is known, or nothing may be cached."""
        known = self._known
        if known is None or known.epoch is None:
            return None
        return Names(known.run_id, known.epoch, f"{PREFIX}{{{tenant_id}}}:{known.run_id[:16]}:{known.epoch}:")

    def learn(self, state: State) -> State:
        """Take over what the server said."""
        with self._lock:
            before, self._known = self._known, state
        if before is not None and (before.run_id, before.epoch) != (state.run_id, state.epoch):
            for listener in self._listeners:
                listener()
        return state

    def again(self) -> State:
        """Ask the server, as nothing is known yet, or a script has said that it is wrong. Raises RedisError."""
        return self.learn(State.read(self._client))


def random_id() -> str:
    return secrets.token_hex(8)
