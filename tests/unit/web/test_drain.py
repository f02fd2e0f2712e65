"""A worker of granian's and the wishes that it should stop."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from web.drain import hear_once

#: How the worker ends if it is not stopped.
NOT_STOPPED = 9

spawn = multiprocessing.get_context("spawn")


class Server:
    """What granian's parent leaves to its workers, and what they put in its place."""

    def __init__(self, pipe: Connection, interrupt_signal: bool = False) -> None:
        self._pipe = pipe
        self.interrupt_signal = interrupt_signal

    def handler(self, *_: Any) -> None:
        self._pipe.send("told")


def work(pipe: Connection, told_before: bool, serves: bool) -> None:
    signal.signal(signal.SIGTERM, Server(pipe, told_before).handler)
    hear_once()
    if serves:
        signal.signal(signal.SIGTERM, Server(pipe).handler)
    pipe.send("ready")
    time.sleep(1)
    sys.exit(NOT_STOPPED)


@contextmanager
def worker(name: str = "granian-worker", **how: bool) -> Iterator[tuple[Any, Connection]]:
    ours, theirs = spawn.Pipe()
    process = spawn.Process(
        target=work, args=(theirs,), kwargs={"told_before": False, "serves": False, **how}, name=name
    )
    process.start()
    theirs.close()
    yield process, ours
    process.join(20)
    ours.close()


def told(pipe: Connection) -> int:
    count = 0
    # It has no more to say when it has ended.
    with suppress(EOFError):
        while True:
            count += pipe.recv() == "told"
    return count


def test_one_that_was_told_before_it_could_hear_ends_at_once() -> None:
    with worker(told_before=True) as (process, pipe):
        assert told(pipe) == 0
    assert process.exitcode == 0


def test_one_that_does_not_serve_yet_ends_at_once() -> None:
    with worker() as (process, pipe):
        assert pipe.recv() == "ready"
        os.kill(process.pid, signal.SIGTERM)
        assert told(pipe) == 0
    assert process.exitcode == 0


def test_one_that_serves_is_told_once_however_often_it_is_asked() -> None:
    with worker(serves=True) as (process, pipe):
        assert pipe.recv() == "ready"
        for _ in range(5):
            os.kill(process.pid, signal.SIGTERM)
            time.sleep(0.02)
        assert told(pipe) == 1
    assert process.exitcode == NOT_STOPPED


def test_nothing_is_changed_under_another_server() -> None:
    with worker("gunicorn", serves=True) as (process, pipe):
        assert pipe.recv() == "ready"
        for _ in range(2):
            os.kill(process.pid, signal.SIGTERM)
            assert pipe.recv() == "told"
        assert told(pipe) == 0
    assert process.exitcode == NOT_STOPPED
