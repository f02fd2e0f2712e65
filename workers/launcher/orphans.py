"""Finding what a killed launcher has left behind.

On Linux its children end by themselves. Their own children, and all of them elsewhere, are known by a variable that
each process of a run carries in its environment.
"""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped]

from workers.launcher.ending import end_processes, runs

#: The variable that names the state folder of the run a process belongs to.
MARK = "PYAIRTABLE_LOCAL"


def stop_orphans(state: Path) -> int:
    """End all processes of earlier runs on *state*, and return how many there were."""
    orphans = [process for process in psutil.process_iter() if _belongs(process, state)]
    end_processes(orphans)
    return len(orphans)


def _belongs(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(state) and runs(process)
    except (psutil.Error, OSError):
        return False
