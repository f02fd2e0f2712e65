"""What a stranger gets from `make run`: the real service, full, with calls that work as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.launched import Launched, alive, discard
from workers.launcher.ports import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder with our Procfile and packages in it, and data of its own."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Procfile", "domain", "web", "workers", "migrations"):
        (folder / name).symlink_to(ROOT / name)
    yield folder
    discard(folder)


def test_the_service_is_full_and_its_curl_lines_work_and_its_data_stay(checkout: Path) -> None:
    port = free_port()
    with Launched(checkout, port) as first:
        first.wait_for("/dashboard'")
        users, list_of_users, dashboard = [call(line) for line in curl_lines(first.output)]
        family = first.family()
        assert first.stop() == 0

    assert users["tenant_id"] == dashboard["summary"]["tenant_id"]
    assert len(list_of_users["users"]) == 3
    assert dashboard["summary"]["total_users"] == 200
    assert len(re.findall(r"sample +\| [\w-]+ +[0-9a-f-]{36} +200 users", first.output)) == 5
    assert first.last_line == "All stopped."
    assert alive(family) == []

    with Launched(checkout, port) as second:
        second.wait_for("/dashboard'")
        again = [call(line) for line in curl_lines(first.output)]
        second.stop()

    assert "There is data already" in second.output
    assert again == [users, list_of_users, dashboard]


def curl_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("curl ")]


def call(line: str) -> dict[str, object]:
    """Do what curl would do, since not every machine has it."""
    _, _, header, url = shlex.split(line)
    response = requests.get(url, headers=dict([header.split(": ")]), timeout=10)
    assert response.status_code == 200, response.text
    return response.json()
