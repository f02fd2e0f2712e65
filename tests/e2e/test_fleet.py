"""What tests start ends with them, however they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from tests.e2e.fleet import ROOT, wait_for
from tests.e2e.launched import alive

#: A test, as far as a fleet is concerned. Its servers are nowhere, which a worker and a clock put up with for a while.
TEST = """
import sys, time
from pathlib import Path
from tests.e2e.fleet import Fleet

fleet = Fleet("postgresql://nobody@127.0.0.1:1/nothing", "redis://127.0.0.1:1", Path(sys.argv[1]))
fleet.start("worker"), fleet.start("clock"), fleet.start("web")
print("started", flush=True)
time.sleep(100)
"""


def test_a_fleet_ends_with_the_test_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TEST, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as test:
        assert test.stdout is not None
        assert test.stdout.readline() == "started\n"
        family = psutil.Process(test.pid).children(recursive=True)
        test.kill()

    assert len(family) >= 3
    wait_for(lambda: not alive(family), 30, "the fleet to end")
