"""PostgreSQL refuses root. These are the ways around that, each with a server that is started for real."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from workers.launcher import unprivileged
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.unprivileged import NOBODY, NoWayToRun, elsewhere

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way around")


@pytest.fixture
def closed_folder(tmp_path: Path) -> Path:
    """A folder below one that only its owner may enter, as many homes are."""
    tmp_path.chmod(0o700)
    folder = tmp_path / "checkout"
    folder.mkdir()
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system like most containers, in which `unshare` fails."""
    monkeypatch.setattr(unprivileged, "_NAMESPACE", ("/bin/false",))


def runs(server: EmbeddedPostgres) -> bool:
    with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        answer = cursor.fetchone() == (1,)
    connection.close()
    return answer


def user_of(server: EmbeddedPostgres) -> int:
    assert server.process is not None
    return psutil.Process(server.process.pid).uids().real


def test_in_a_user_namespace_a_closed_folder_is_no_obstacle(closed_folder: Path) -> None:
    with EmbeddedPostgres(closed_folder, durable=False) as server:
        assert runs(server)
        assert user_of(server) == 0
    assert elsewhere(closed_folder) is None


@pytest.mark.usefixtures("no_namespaces")
def test_without_namespaces_it_runs_as_nobody_where_it_is(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder, durable=False) as server:
        assert runs(server)
        assert user_of(server) == NOBODY
    assert elsewhere(open_folder) is None


@pytest.mark.usefixtures("no_namespaces")
def test_without_namespaces_it_moves_out_of_a_closed_folder_and_finds_its_data_again(closed_folder: Path) -> None:
    with EmbeddedPostgres(closed_folder, durable=False) as server:
        with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept ()")
        connection.close()
        assert user_of(server) == NOBODY

    with EmbeddedPostgres(closed_folder, durable=False) as server:
        with psycopg2.connect(server.url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM kept")
        connection.close()


def test_data_made_in_a_namespace_go_along_when_namespaces_go_away(
    closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedPostgres(closed_folder, durable=False) as server:
        password = server.url.split("@")[0]

    monkeypatch.setattr(unprivileged, "_NAMESPACE", ("/bin/false",))

    with EmbeddedPostgres(closed_folder, durable=False) as server:
        assert server.url.startswith(password)
        assert runs(server)
        assert user_of(server) == NOBODY


def test_if_nothing_works_it_says_so(closed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged.Quarters, "work", lambda _: False)
    with pytest.raises(NoWayToRun, match="neither as it is"):
        EmbeddedPostgres(closed_folder).start()
