"""The thread that reads of invalidations, and the answer to whether the memory may be trusted."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import redis
import structlog

from domain.cache.epoch import STREAM, Epoch, State
from domain.cache.l1 import L1
from domain.cache.messages import Numbered
from domain.cache.scripts import Elsewhere, enter

log = structlog.get_logger(__name__)

#: Seconds that the memory is trusted after the server was asked for the news which then came.
TRUSTED = 2.0

#: Seconds that the server holds a question without news back, and between two looks at its state.
BLOCK = 0.4

#: Seconds without an answer after which the connection is taken for dead.
SILENCE = 1.0

#: Messages to read at once.
_BATCH = 512

#: Seconds between two attempts to connect: at first, and at most.
_FIRST, _LONGEST = 0.01, 0.5


class Missed(Exception):
    """Messages are gone that were never read."""


class StreamReader:
    """Reads the stream into the fences of *l1*, and empties it whenever a message may have been missed.

    Messages are numbered without gaps and name their stream, so that one that was trimmed, flushed or lost with a
    server is noticed; a connection that is resumed goes on where it stopped.
    """

    def __init__(self, client: redis.Redis, epoch: Epoch, l1: L1) -> None:
        """*client* must give up after more than BLOCK seconds, and not long after: SILENCE."""
        self._client = client
        self._epoch = epoch
        self._l1 = l1
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._run_id = ""
        self._stream: str | None = None
        self._number = 0
        self._id: bytes = b"0-0"
        #: The time on the monotonic clock until which the memory may be trusted.
        self.trusted_until = 0.0
        #: How often the memory was emptied because messages were missed, and how often the connection was lost.
        self.missed = 0
        self.disconnected = 0

    @property
    def lag(self) -> float:
        """Seconds since the server was last asked for news that came."""
        return max(0.0, time.monotonic() - self.trusted_until + TRUSTED)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="cache-stream", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.trusted_until = 0.0
        if self._thread is not None:
            # It waits for news, which nobody needs any more.
            self.disconnect()
            self._thread.join(SILENCE + BLOCK)

    def disconnect(self) -> None:
        self._client.close()

    def _run(self) -> None:
        pause, heard = _FIRST, 0.0
        while not self._stopping.is_set():
            try:
                self.follow()
            except Exception as error:
                if self._stopping.is_set():
                    return
                self.disconnected += 1
                if not isinstance(error, redis.RedisError | OSError):
                    log.exception("The invalidations can't be read.")
                self._stopping.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
                heard, before = self.trusted_until, heard
                pause = _FIRST if heard > before else min(pause * 2, _LONGEST)

    def follow(self) -> None:
        """Take what happened since the last look, then what comes within BLOCK seconds. Raises RedisError."""
        try:
            self._look()
            ends = time.monotonic() + BLOCK
            while not self._stopping.is_set() and (left := ends - time.monotonic()) > 0:
                asked = time.monotonic()
                block = max(1, int(left * 1000))
                found = self._client.xread({STREAM: self._id}, count=_BATCH, block=block)
                if self._take(found) < _BATCH:
                    self.trusted_until = asked + TRUSTED
        except (Missed, *Elsewhere):
            self._begin_again()

    def _look(self) -> None:
        """Ask, in one step, for the server's state and for all messages that are new. Raises Missed."""
        while True:
            asked = time.monotonic()
            with self._client.pipeline() as pipe:
                State.ask(pipe, self._run_id)
                pipe.xread({STREAM: self._id}, count=_BATCH)
                reply, found = pipe.execute()
            state = self._epoch.learn(State.of(self._run_id, reply), asked)
            if state.stream is None or state.stream != self._stream:
                raise Missed
            if self._take(found) < _BATCH:
                break
        if self._number != state.messages:
            raise Missed
        self.trusted_until = asked + TRUSTED

    def _take(self, found: Any) -> int:
        """Act on the messages that XREAD gave, and return how many they are. Raises Missed."""
        messages = found[0][1] if found else []
        for id, fields in messages:
            try:
                numbered = Numbered.read(id, fields)
            except (KeyError, ValueError):
                raise Missed from None
            if numbered.stream != self._stream or numbered.number != self._number + 1:
                raise Missed
            self._id, self._number = id, numbered.number
            if numbered.message.forget:
                self._l1.empty()
            for tenant_id, offsets in numbered.message.raised.items():
                if not self._l1.fences.raise_(tenant_id, offsets):
                    self._l1.empty()
        return len(messages)

    def _begin_again(self) -> None:
        """Forget all that is in memory, and read on from the stream's present end."""
        self.trusted_until = 0.0
        asked = time.monotonic()
        run_id = enter(self._client)
        with self._client.pipeline() as pipe:
            State.ask(pipe, run_id)
            pipe.xrevrange(STREAM, count=1)
            reply, last = pipe.execute()
        state = self._epoch.learn(State.of(run_id, reply), asked)
        if self._stream is not None:
            self.missed += 1
        self._run_id, self._stream, self._number = state.run_id, state.stream, state.messages
        self._id = last[0][0] if last else b"0-0"
        # What is on its way here was looked up before, and may have missed the same messages.
        self._l1.empty()
        if state.stream is None:
            # It can't be written to, so nothing would be heard from it.
            self._stopping.wait(BLOCK)
