"""The watch of the tests counts what is waited for, and not that the machine stood still."""

from __future__ import annotations

import os
import subprocess
import time

from tests.stopwatch import Stopwatch


def test_what_is_waited_for_counts() -> None:
    with Stopwatch() as watch:
        time.sleep(0.3)

    assert watch.seconds > 0.2


def test_that_the_process_stood_still_does_not_count() -> None:
    with Stopwatch() as watch:
        subprocess.run(["sh", "-c", f"kill -STOP {os.getpid()}; sleep 1; kill -CONT {os.getpid()}"], check=True)

    assert watch.elapsed > 1
    assert watch.seconds < 0.6
