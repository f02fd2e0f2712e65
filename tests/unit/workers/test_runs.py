"""The runs of a job of the clock."""

from __future__ import annotations

import subprocess
import sys
import threading

from workers.runs import Runs


def test_no_run_begins_while_another_goes_on():
    # Given a job whose first run goes on
    begun, may_end = [], threading.Event()

    def job() -> None:
        begun.append(len(begun))
        may_end.wait()

    runs = Runs("job", job)
    runs.begin()

    # When the next ones are due
    for _ in range(3):
        runs.begin()
    assert not runs.wait(0)
    may_end.set()
    assert runs.wait(10)

    # Then they were left out, and one that is due later begins
    assert begun == [0]
    runs.begin()
    assert runs.wait(10)
    assert begun == [0, 1]


def test_there_is_nothing_to_wait_for_where_nothing_was_begun():
    assert Runs("job", lambda: None).wait(0)


def test_a_run_that_goes_on_ends_with_the_process():
    program = "import threading; from workers.runs import Runs; Runs('job', threading.Event().wait).begin()"

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
