from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workers.launcher.procfile import read_procfile, shell


def test_processes_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "Procfile"
    file.write_text("# A comment.\n\nweb: serve --port $PORT\nclock:python -m tick: tock\n")

    assert list(read_procfile(file).items()) == [("web", "serve --port $PORT"), ("clock", "python -m tick: tock")]


@pytest.mark.parametrize("line", ["web", "web:", ": command", "we b: command"])
def test_a_line_that_is_no_process_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "Procfile"
    file.write_text(f"clock: tick\n{line}\n")

    with pytest.raises(ValueError, match="Procfile, line 2"):
        read_procfile(file)


def test_variables_are_expanded_as_a_platform_would() -> None:
    command = shell('printf "%s|" "$PORT" "${WEB_CONCURRENCY:-2}" "$WORDS"')

    said = subprocess.check_output(command, env={"PORT": "8001", "WORDS": "two words"})

    assert said == b"8001|2|two words|"


def test_our_own_procfile_has_the_four_processes() -> None:
    own = Path(__file__).parents[3] / "Procfile"

    assert list(read_procfile(own)) == ["release", "web", "worker", "clock"]
