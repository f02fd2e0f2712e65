"""What a stranger gets from `make run`: the real service, full, with calls that work as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.fleet import bearer
from tests.e2e.launched import Launched, alive, discard
from tests.e2e.ratios import ratios_of
from tests.e2e.sample import assert_it_is_the_sample
from workers.launcher.ports import LOOPBACK, free_port
from workers.launcher.postgres import APPLICATION
from workers.launcher.state import State

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
    with Launched(checkout, port, CACHE_WARMUP_RATE="500") as first:
        first.wait_for("/dashboard'")
        tables = assert_it_is_the_sample(database_url(checkout))
        ratios = ratios_of(f"http://127.0.0.1:{port}", bearer(token_of("super_admin", first.output)), tables)
        users, list_of_users, dashboard = [call(line) for line in curl_lines(first.output)]
        family = first.family()
        assert first.stop() == 0

    assert users["tenant_id"] == dashboard["summary"]["tenant_id"]
    assert len(list_of_users["users"]) == 3
    assert dashboard["summary"]["total_users"] == 200
    assert len(re.findall(r"sample +\| [\w-]+ +[0-9a-f-]{36} +200 users", first.output)) == 5
    assert first.last_line == "All stopped."
    assert alive(family) == []
    print(f"\nhit ratio: cold {ratios.cold:.1%}, after a warm-up {ratios.warm:.1%}, hot {ratios.hot:.1%}")
    assert ratios.cold == 0
    assert ratios.warm >= 0.80
    assert ratios.hot >= 0.95

    with Launched(checkout, port) as second:
        second.wait_for("/dashboard'")
        again = [call(line) for line in curl_lines(first.output)]
        second.stop()

    assert "There is data already" in second.output
    assert again == [users, list_of_users, dashboard]


def database_url(checkout: Path) -> str:
    """The URL of the PostgreSQL that the launcher has started."""
    directory = State(checkout / ".local").postgres
    password, port = ((directory / name).read_text().strip() for name in ("password", "port"))
    return f"postgresql://{APPLICATION}:{password}@{LOOPBACK}:{port}/{APPLICATION}?sslmode=disable"


def token_of(role: str, output: str) -> str:
    lines = output.splitlines()
    return lines[lines.index(role) + 1]


def curl_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("curl ")]


def call(line: str) -> dict[str, object]:
    """Do what curl would do, since not every machine has it."""
    _, _, header, url = shlex.split(line)
    response = requests.get(url, headers=dict([header.split(": ")]), timeout=10)
    assert response.status_code == 200, response.text
    return response.json()
