"""Finding what a killed launcher has left behind.

On Linux its children end by themselves. Their own children, and all of them elsewhere, are known by a variable that
each process of a run carries in its environment.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

#: The variable that names the state folder of the run a process belongs to.
MARK = "PYAIRTABLE_LOCAL"

#: How long what is left may take to finish its work, in seconds.
DRAIN = 30.0


def stop_orphans(state: Path) -> int:
    """End all processes of earlier runs on *state*, and return how many there were."""
    orphans = [process for process in psutil.process_iter() if _belongs(process, state)]
    for orphan in orphans:
        with suppress(psutil.Error):
            orphan.terminate()
            # A stopped process doesn't hear it until it goes on.
            orphan.resume()
    _, alive = psutil.wait_procs(orphans, timeout=DRAIN)
    for orphan in alive:
        with suppress(psutil.Error):
            orphan.kill()
    psutil.wait_procs(alive, timeout=5)
    return len(orphans)


def _belongs(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(state) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
