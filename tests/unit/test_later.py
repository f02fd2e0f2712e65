"""What is done later: nothing is left out, nothing is done twice."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from domain import later
from domain.later import Later


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_many_threads_hand_over_is_all_done_by_itself() -> None:
    done: list[int] = []
    later: Later[int] = Later(done.extend)
    threads = [threading.Thread(target=lambda: [later.hand_over(each) for each in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: len(done) >= 4000)

    assert sorted(done) == sorted(4 * list(range(1000)))


def test_as_many_as_are_done_at_once_are_done_by_who_hands_over_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "AT_ONCE", 10)
    monkeypatch.setattr(later, "PAUSE", 1000)
    done: list[int] = []
    slow: Later[int] = Later(done.extend)
    for number in range(11):
        slow.hand_over(number)

    assert done == list(range(10))
    slow.flush()
    assert done == list(range(11))


def test_who_hands_over_waits_for_nobody_until_more_than_may_are_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "AT_ONCE", 5)
    monkeypatch.setattr(later, "MOST", 20)
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def do(numbers: Sequence[int]) -> None:
        begun.set()
        go_on.wait(10)
        done.extend(numbers)

    stuck: Later[int] = Later(do)
    first = threading.Thread(target=lambda: [stuck.hand_over(number) for number in range(5)])
    first.start()
    assert begun.wait(10)
    for number in range(5, 25):
        stuck.hand_over(number)
    one_more = threading.Thread(target=stuck.hand_over, args=(25,))
    one_more.start()
    one_more.join(0.2)
    assert one_more.is_alive()

    go_on.set()
    for thread in (first, one_more):
        thread.join(10)
    wait_until(lambda: len(done) == 26)
    assert sorted(done) == list(range(26))


@pytest.mark.parametrize("how", ["", "fork"])
def test_what_was_handed_over_before_the_end_is_done(how: str) -> None:
    program = """
import multiprocessing, os, sys
from domain.later import Later
later = Later(lambda words: [os.write(1, word.encode() + b"\\n") for word in words])
if sys.argv[1:]:
    later.hand_over("of the parent")
    child = multiprocessing.get_context("fork").Process(target=later.hand_over, args=("of the child",))
    child.start()
    child.join()
later.hand_over("the last word")
"""
    arguments = [sys.executable, "-c", program, *([how] if how else [])]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)

    words = {"the last word", "of the parent", "of the child"} if how else {"the last word"}
    assert sorted(done.stdout.splitlines()) == sorted(words)


def test_at_the_end_of_a_process_what_comes_first_may_hand_over_to_what_does_not() -> None:
    program = """
import multiprocessing, os
from domain.later import Later
def run():
    second = Later(lambda words: [os.write(1, word.encode()) for word in words])
    second.hand_over("one ")
    first = Later(lambda words: [second.hand_over(word) for word in words], first=True)
    first.hand_over("two")
child = multiprocessing.get_context("fork").Process(target=run)
child.start()
child.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "one two"


def test_a_forked_process_has_a_thread_of_its_own() -> None:
    reading, writing = os.pipe()
    later: Later[bytes] = Later(lambda words: [os.write(writing, word) for word in words])
    later.hand_over(b"p")

    def run() -> None:
        later.hand_over(b"c")
        time.sleep(30)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    text = b""
    while len(text) < 2:
        text += os.read(reading, 2)
    child.kill()
    child.join()
    os.close(reading)
    os.close(writing)

    assert sorted(text) == sorted(b"cp")
