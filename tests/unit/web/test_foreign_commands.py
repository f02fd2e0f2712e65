"""Libraries bring commands of their own. Those that don't work here are not offered, and don't break."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/d",
    "REDIS_URL": "redis://127.0.0.1:1",
    "JWT_SECRET": "x" * 40,
}


#: As the program named flask does it, for one command after the other: starting it takes longer than any of them.
PROGRAM = """
import sys
from click.testing import CliRunner
from flask.cli import cli
for line in sys.stdin.read().splitlines():
    ended = CliRunner().invoke(cli, ["--app", "web", *line.split()])
    print(repr((ended.exit_code, ended.stdout, ended.stderr)))
"""


def flask(*commands: str) -> list[tuple[int, str, str]]:
    """Return with what status each of *commands* ends, and what it says on stdout and on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input="\n".join(commands),
        env={"PATH": os.environ["PATH"], **ENVIRONMENT},
        cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [ast.literal_eval(line) for line in done.stdout.splitlines()]


def test_they_are_not_among_the_commands() -> None:
    ((status, listed, _),) = flask("--help")

    assert status == 0
    names = {line.split()[0] for line in listed.partition("Commands:")[2].splitlines() if line.strip()}
    assert {"cache", "routes", "welcome"} <= names
    assert not names & {"limiter", "openapi"}


def test_one_that_is_called_all_the_same_ends_with_a_line() -> None:
    commands = ["openapi print", "limiter config", "limiter limits", "limiter clear --key x"]

    for command, (status, said, complained) in zip(commands, flask(*commands), strict=True):
        assert (status != 0, said) == (True, ""), command
        assert complained.splitlines()[-1].startswith("Error: "), command
        assert "Traceback" not in complained, command
