from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.launcher.ports import LOOPBACK, CannotListen, free_port, is_free, remembered_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, free_port())) as server:
        yield server.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)
    assert not is_free(taken, "0.0.0.0")  # noqa: S104
    assert free_port(taken) != taken


@pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1", "::192.0.2.1", "no..host"])
def test_a_port_is_not_called_taken_where_it_is_the_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(CannotListen, match=f"^HOST: this machine can't listen on {host}: "):
        is_free(free_port(), host)


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


@pytest.mark.usefixtures("ordinary_user")
def test_a_port_is_not_called_taken_where_it_is_the_superusers() -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 1:
        pytest.skip("here everybody may listen on every port")
    with pytest.raises(
        CannotListen, match=r"^PORT: this user may not listen on 1\. Choose another: PORT=8000 make run"
    ):
        is_free(1)
    # Of several the next is tried.
    assert free_port(1) != 1


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
