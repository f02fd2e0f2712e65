"""wrk, which sends requests: a C program that takes a few per cent of what the servers it measures take.

A generator in Python would take as much as the service itself, and so measure itself.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.performance.sent import Load, Sent
from tests.performance.steady import as_fast_as_it_goes

_SCRIPT = Path(__file__).with_name("wrk.lua")


def wrk() -> str | None:
    """Return the program's path. Where it isn't installed that is an error in CI, and elsewhere it is None."""
    found = shutil.which("wrk")
    if found is None and os.environ.get("CI"):
        raise FileNotFoundError("wrk is not installed (Debian: apt-get install wrk)")
    return found


def send(url: str, requests: Iterable[Sent], *, connections: int, seconds: float, directory: Path) -> Load:
    """Send *requests* again and again over so many *connections*, each with one request under way at a time.

    Without wrk threads of our own do it. Raises RuntimeError where one of them was refused or not answered.
    """
    program = wrk()
    if program is None:
        latencies = as_fast_as_it_goes(url, list(requests), connections, seconds, directory)
        cuts = statistics.quantiles(latencies, n=100, method="inclusive")
        return Load(len(latencies) / seconds, cuts[49], cuts[94], cuts[98])
    file = directory / "requests.tsv"
    file.write_text("".join("\t".join(each) + "\n" for each in requests))
    command = [
        program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(_SCRIPT), url,
        "--", str(file), os.urandom(6).hex(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if found["refused"] or found["broken"]:
        raise RuntimeError(f"{found['refused']} requests were refused, {found['broken']} not answered, by {url}")
    return Load(found["answered"] / found["seconds"], found["p50"], found["p95"], found["p99"])
