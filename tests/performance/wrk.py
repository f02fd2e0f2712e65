"""wrk, which sends requests: a C program that takes a few per cent of what the servers it measures take.

A generator in Python would take as much as the service itself, and so measure itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

_SCRIPT = Path(__file__).with_name("wrk.lua")


class Sent(NamedTuple):
    """One request to be sent. In the *body* ``{n}`` becomes a text that no other request has."""

    method: str
    path: str
    token: str
    body: str = ""


class Load(NamedTuple):
    """What came of sending requests: answers in a second, and milliseconds until an answer."""

    rate: float
    p50: float
    p95: float
    p99: float


def wrk() -> str:
    """Return the program's path. Where it isn't installed, fails in CI and skips elsewhere."""
    found = shutil.which("wrk")
    if found is None:
        missing = "wrk is not installed (Debian: apt-get install wrk)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def send(url: str, requests: Iterable[Sent], *, connections: int, seconds: float, directory: Path) -> Load:
    """Send *requests* again and again over so many *connections*, each with one request under way at a time.

    Raises RuntimeError where one of them was refused or not answered.
    """
    file = directory / "requests.tsv"
    file.write_text("".join("\t".join(each) + "\n" for each in requests))
    command = [
        wrk(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(_SCRIPT), url,
        "--", str(file), os.urandom(6).hex(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if found["refused"] or found["broken"]:
        raise RuntimeError(f"{found['refused']} requests were refused, {found['broken']} not answered, by {url}")
    return Load(found["answered"] / found["seconds"], found["p50"], found["p95"], found["p99"])
