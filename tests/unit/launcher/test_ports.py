from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.launcher.ports import LOOPBACK, free_port, is_free, remembered_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, free_port())) as server:
        yield server.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)
    assert not is_free(taken, "0.0.0.0")  # noqa: S104
    assert free_port(taken) != taken


def test_the_default_port_is_taken_first_and_remembered(tmp_path: Path) -> None:
    default = free_port()

    assert remembered_port(tmp_path / "port", default) == default
    assert remembered_port(tmp_path / "port", None) == default


def test_a_remembered_port_that_is_taken_gives_way_to_another(tmp_path: Path, taken: int) -> None:
    (tmp_path / "port").write_text(f"{taken}\n")

    other = remembered_port(tmp_path / "port", None)

    assert other != taken
    assert remembered_port(tmp_path / "port", None) == other


def test_processes_that_share_a_seed_choose_different_ports():
    def chosen() -> list[int]:
        random.seed(1)
        return [free_port() for _ in range(3)]

    assert chosen() != chosen()
