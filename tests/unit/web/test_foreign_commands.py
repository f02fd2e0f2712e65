"""Libraries bring commands of their own. Those that don't work here are not offered, and don't break."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/d",
    "REDIS_URL": "redis://127.0.0.1:1",
    "JWT_SECRET": "x" * 40,
}


def flask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("flask"), "--app", "web", *arguments],
        env={"PATH": os.environ["PATH"], **ENVIRONMENT},
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_they_are_not_among_the_commands() -> None:
    listed = flask("--help")

    assert listed.returncode == 0
    names = {line.split()[0] for line in listed.stdout.partition("Commands:")[2].splitlines() if line.strip()}
    assert {"cache", "routes", "welcome"} <= names
    assert not names & {"limiter", "openapi"}


@pytest.mark.parametrize(
    "arguments",
    [("openapi", "print"), ("limiter", "config"), ("limiter", "limits"), ("limiter", "clear", "--key", "x")],
)
def test_one_that_is_called_all_the_same_ends_with_a_line(arguments: tuple[str, ...]) -> None:
    ended = flask(*arguments)

    assert (ended.returncode != 0, ended.stdout) == (True, "")
    assert ended.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in ended.stderr
