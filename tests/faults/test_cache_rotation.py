"""The keys that encrypt the cache are exchanged in one process after the other, while all read and fill it."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import orjson
import pytest

from domain.cache.answer import Found
from domain.cache.factory import make_cache
from domain.cache.keys import Key
from domain.model.position import Position
from tests.faults.scale import scaled
from tests.integration.cache.world import SHARD, Loaded, key

pytestmark = pytest.mark.fault

spawn = multiprocessing.get_context("spawn")

PROCESSES, THREADS, QUESTIONS = 3, 2, 36

#: One after the other, from each key to the next.
ROTATIONS = scaled(1, 12)

#: Seconds that some answers keep, so that whoever comes next fills them again, with the key that it has.
BRIEF = 0.3


class Told(NamedTuple):
    """What a process says of the time since its settings last moved."""

    counters: dict[str, int]
    asked: int
    #: The questions that were answered from Redis since it was last asked.
    hits: set[int]
    #: What was raised, and which answers were wrong.
    wrong: list[str]

    @property
    def unreadable(self) -> int:
        return self.counters.get("unreadable", 0)


def user(number: int) -> str:
    return f"22222222-2222-4222-8222-{number:012d}"


def body_of(number: int) -> bytes | None:
    """Some aren't there, some are long enough to be compressed."""
    if number % 6 == 0:
        return None
    return orjson.dumps({"id": user(number), "value": number, "more": "x" * (4000 if number % 3 == 0 else 10)})


def question(number: int) -> Key:
    return key(user(number))._replace(ttl=BRIEF if number % 2 else 900)


class Release:
    """The service with one set of keys, under load."""

    def __init__(self, url: str, ids: str) -> None:
        # The same id is the same key in all processes.
        self._cache = make_cache(
            url,
            lambda _: 10,
            # What is in a process's own memory was never encrypted.
            l1_max_bytes=0,
            encryption_keys={id: id.encode() * 32 for id in ids},
        )
        self._cache.start()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._asked = 0
        self._hits: set[int] = set()
        self._wrong: list[str] = []
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> Told:
        """Let it answer what it was asked, and tell all of it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._cache.close()
        told = self.tell()
        self._cache.disconnect()
        return told

    def tell(self) -> Told:
        totals = self._cache.counters.totals()
        with self._lock:
            hits, self._hits = self._hits, set()
            return Told(
                {what: n for (level, _, what), n in totals.items() if level == "l2"}, self._asked, hits, self._wrong
            )

    def _ask(self) -> None:
        while True:
            for number in random.sample(range(QUESTIONS), QUESTIONS):
                if self._stop.wait(0.0005):
                    return
                self._one(number)

    def _one(self, number: int) -> None:
        try:
            found = self._cache.get_or_load(question(number), lambda: Loaded(body_of(number), Position(SHARD, 100)))
        except BaseException as error:
            self._note(number, None, repr(error))
        else:
            self._note(number, found, "" if found.body == body_of(number) else f"{number}: {found.body!r}")

    def _note(self, number: int, found: Found | None, wrong: str) -> None:
        with self._lock:
            self._asked += 1
            if wrong:
                self._wrong.append(wrong)
            if found is not None and found.level == "l2" and not found.shared:
                self._hits.add(number)


def serve(url: str, ids: str, orders: Connection) -> None:
    """One process: each order is the ids of its next keys, None to end, or nothing to tell how it goes."""
    release = Release(url, ids)
    while (order := orders.recv()) is not None:
        if order:
            ended, release = release.end(), Release(url, order)
            orders.send(ended)
        else:
            orders.send(release.tell())
    orders.send(release.end())


class Process:
    """A process as the test sees it. Whatever it tells is checked for what must never be."""

    def __init__(self, url: str, ids: str) -> None:
        self._orders, theirs = spawn.Pipe()
        self.ids = ids
        self.process = spawn.Process(target=serve, args=(url, ids, theirs), daemon=True)
        self.process.start()

    def tell(self) -> Told:
        return self._order("")

    def move(self, ids: str | None) -> Told:
        """Give it other keys, or none to end it; return what it tells of its time with those it had."""
        told = self._order(ids)
        counted = sum(told.counters.get(what, 0) for what in ("hit", "absent_hit", "miss", "coalesced", "bypass"))
        assert counted == told.asked, told
        print(self.ids, told.counters)
        self.ids = ids or ""
        return told

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def _order(self, order: str | None) -> Told:
        self._orders.send(order)
        assert self._orders.poll(30), "It doesn't answer."
        told: Told = self._orders.recv()
        assert told.wrong == []
        assert told.counters.get("refused", 0) == 0
        return told


@pytest.fixture
def start(redis_url):
    with ExitStack() as stack:

        def start(ids: str) -> list[Process]:
            processes = [Process(redis_url, ids) for _ in range(PROCESSES)]
            for process in processes:
                stack.callback(process.kill)
            return processes

        yield start


def until(tell: Callable[[], Any], good: Callable[[Any], bool]) -> None:
    deadline = time.monotonic() + 20
    while not good(told := tell()):
        assert time.monotonic() < deadline, told
        time.sleep(0.02)


def all_hit(processes: list[Process]) -> None:
    """Wait until each process has read each answer from Redis, from now on."""
    for process in processes:
        process.tell()
    for process in processes:
        seen: set[int] = set()

        def tell(process: Process = process, seen: set[int] = seen) -> set[int]:
            seen |= process.tell().hits
            return seen

        until(tell, lambda seen: len(seen) == QUESTIONS)


def test_keys_are_exchanged_under_load(start):
    processes = start("a")
    all_hit(processes)
    assert [process.tell().unreadable for process in processes] == [0] * PROCESSES

    for rotation in range(ROTATIONS):
        old, new = (chr(ord("a") + rotation + step) for step in (0, 1))

        # Those who don't know the new key yet can't read what is written with it: they load it, and count that.
        for moved, process in enumerate(processes):
            process.move(new + old)
            for behind in processes[moved + 1 :]:
                before = behind.tell().unreadable
                until(
                    behind.tell,
                    lambda told, before=before: told.unreadable > before and told.counters.get("miss", 0) > 0,
                )
        # Those who have both read everything, so there is nothing to wait for but hits.
        all_hit(processes)

        # What keeps for long is still under the old key, for the first that doesn't have it any more.
        for moved, process in enumerate(processes):
            assert process.move(new).unreadable == 0
            if moved == 0:
                until(process.tell, lambda told: told.unreadable > 0 and told.counters.get("miss", 0) > 0)
        all_hit(processes)

        # Each answer has been read with the new key, and nobody writes with another one.
        settled = [process.tell() for process in processes]
        all_hit(processes)
        for process, before in zip(processes, settled, strict=True):
            after = process.tell()
            assert after.unreadable == before.unreadable
            assert after.counters["hit"] > before.counters["hit"]
            assert after.counters["absent_hit"] > before.counters["absent_hit"]

    for process in processes:
        process.move(None)
