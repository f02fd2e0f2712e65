"""Lines that are written later: none lost, none twice, none half."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from domain import line_writer
from domain.line_writer import LineWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_what_many_threads_say_is_all_there_by_itself(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer: LineWriter[int] = LineWriter(writing, str)
    threads = [threading.Thread(target=lambda: [writer.say(each) for each in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    text = b""
    deadline = time.monotonic() + 10
    while text.count(b"\n") < 4000:
        assert time.monotonic() < deadline
        text += os.read(reading, 65536)
    for thread in threads:
        thread.join()

    assert sorted(map(int, text.split())) == sorted(4 * list(range(1000)))


def test_more_than_may_wait_is_written_by_who_says_it(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "MOST", 10)
    monkeypatch.setattr(line_writer, "PAUSE", 1000)
    reading, writing = pipe
    writer: LineWriter[int] = LineWriter(writing, str)
    for number in range(11):
        writer.say(number)

    assert os.read(reading, 65536).split() == [str(number).encode() for number in range(11)]


def test_what_can_not_be_written_harms_nobody() -> None:
    writer: LineWriter[int] = LineWriter(-1, str)
    writer.say(1)

    writer.flush()


@pytest.mark.parametrize("how", ["", "fork"])
def test_what_was_said_before_the_end_is_written(how: str) -> None:
    program = """
import multiprocessing, sys
from domain.line_writer import LineWriter
writer = LineWriter(1, str)
if sys.argv[1:]:
    writer.say("of the parent")
    child = multiprocessing.get_context("fork").Process(target=writer.say, args=("of the child",))
    child.start()
    child.join()
writer.say("the last word")
"""
    arguments = [sys.executable, "-c", program, *([how] if how else [])]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)

    words = {"the last word", "of the parent", "of the child"} if how else {"the last word"}
    assert sorted(done.stdout.splitlines()) == sorted(words)


def test_a_forked_process_has_a_thread_of_its_own(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer: LineWriter[str] = LineWriter(writing, str)
    writer.say("of the parent")

    def run() -> None:
        writer.say("of the child")
        time.sleep(30)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    deadline = time.monotonic() + 10
    text = b""
    while text.count(b"\n") < 2 and time.monotonic() < deadline:
        text += os.read(reading, 65536)
    child.kill()
    child.join()

    assert sorted(text.splitlines()) == [b"of the child", b"of the parent"]
