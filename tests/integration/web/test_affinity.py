"""WEB_CPU_AFFINITY: each web process keeps to a processor of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from tests.e2e.fleet import Fleet
from tests.servers import Databases

#: Two are enough to go round, on a machine with many too.
PROCESSORS = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_setaffinity") else []

pytestmark = pytest.mark.skipif(not PROCESSORS, reason="Linux alone lets a process choose")

_KEEP = """
import os, sys
from domain import logs
logs.to_stderr()
from web.affinity import keep_to_one_processor
os.sched_setaffinity(0, map(int, sys.argv[2:]))
print(keep_to_one_processor(sys.argv[1]), *sorted(os.sched_getaffinity(0)), flush=True)
sys.stdin.read()
"""


@contextmanager
def keeping(family: str) -> Iterator[tuple[str, list[int]]]:
    """Lend what a process of the *family* has got, and what it may run on, while it lives; then kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _KEEP, family, *map(str, PROCESSORS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        try:
            got, *may = process.stdout.readline().split()
            yield got, [int(each) for each in may]
        finally:
            process.kill()


def test_each_process_has_a_processor_of_its_own_until_it_ends_and_one_too_many_has_none() -> None:
    family = str(uuid4())
    with ExitStack() as living:
        for processor in PROCESSORS[:-1]:
            assert living.enter_context(keeping(family)) == (str(processor), [processor])
        last = (str(PROCESSORS[-1]), PROCESSORS[-1:])
        with keeping(family) as got:
            assert got == last
            with keeping(family) as got:
                assert got == ("None", PROCESSORS)
        with keeping(family) as got:
            assert got == last


@pytest.mark.parametrize("setting", ["on", "off"])
def test_all_threads_of_a_web_process_keep_to_it_where_that_is_asked_for(
    setting: str, databases: Databases, redis_url: str, tmp_path: Path
) -> None:
    with (
        databases.migrated() as database_url,
        Fleet(database_url, redis_url, tmp_path, WEB_CPU_AFFINITY=setting).start_all(worker=0, clock=0) as fleet,
    ):
        server = psutil.Process(fleet.running["web"][0].pid)
        processes = [server, *server.children(recursive=True)]
        places = {thread.id: os.sched_getaffinity(thread.id) for each in processes[1:] for thread in each.threads()}
    kept = [place for place in places.values() if len(place) == 1]
    if setting == "on" and len(os.sched_getaffinity(0)) > 1:
        # Beside the process that answers, which has many threads, Python has one that looks after its resources.
        assert len(kept) > 3, fleet.logs()
        assert len(set(map(frozenset, kept))) == 1
    else:
        assert places
        assert all(place == os.sched_getaffinity(0) for place in places.values())
