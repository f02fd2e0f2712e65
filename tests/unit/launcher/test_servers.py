"""The embedded servers as a library: PostgreSQL and Valkey that can be stopped, killed, frozen and started again."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

import psutil
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.e2e.fleet import wait_for
from workers.launcher.ending import runs
from workers.launcher.ports import LOOPBACK
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.valkey import EmbeddedValkey


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url, connect_timeout=2)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_the_application_is_no_superuser_because_row_level_security_spares_those(database_url: str) -> None:
    assert rows(database_url, "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user") == [
        (False, False)
    ]


def test_what_was_committed_survives_a_kill_and_the_url_stays(postgres_server: EmbeddedPostgres) -> None:
    url = postgres_server.url
    rows(url, "CREATE TABLE kept AS SELECT 42 AS answer")

    postgres_server.kill()
    with pytest.raises(psycopg2.OperationalError):
        rows(url, "SELECT 1")
    postgres_server.start()

    assert postgres_server.url == url
    assert rows(url, "SELECT answer FROM kept") == [(42,)]


def test_a_kill_leaves_none_of_its_processes(postgres_server: EmbeddedPostgres) -> None:
    def work() -> None:
        with pytest.raises(psycopg2.OperationalError):
            rows(postgres_server.url, "SELECT count(*) FROM generate_series(1, 1e9::bigint)")

    # One that works does not look whether the server is still there.
    worker = Thread(target=work)
    worker.start()
    assert postgres_server.process is not None
    server = psutil.Process(postgres_server.process.pid)
    wait_for(lambda: any("SELECT" in "".join(each.cmdline()) for each in server.children()), 10, "it to work")
    processes = server.children(recursive=True)

    postgres_server.kill()

    assert not [each for each in processes if runs(each)]
    worker.join()


def test_a_frozen_postgres_answers_again_when_resumed(postgres_server: EmbeddedPostgres) -> None:
    postgres_server.freeze()
    with pytest.raises(psycopg2.OperationalError, match="timeout"):
        rows(postgres_server.url, "SELECT 1")

    postgres_server.resume()

    assert rows(postgres_server.url, "SELECT 1") == [(1,)]


def test_nobody_comes_in_without_the_password(postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"no password supplied|authentication failed"):
        psycopg2.connect(host=LOOPBACK, port=postgres_server.port, user="postgres", dbname="postgres", password="x")
    stranger = redis.Redis(LOOPBACK, redis_server.port, retry=Retry(NoBackoff(), 0))
    with stranger as client, pytest.raises(redis.AuthenticationError):
        client.get("key")


def test_secrets_are_readable_by_their_owner_only(
    postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey
) -> None:
    secrets = [
        postgres_server.directory / "password",
        postgres_server.directory / "superuser-password",
        redis_server.directory / "password",
        redis_server.directory / "valkey.conf",
    ]
    assert {stat.S_IMODE(secret.stat().st_mode) for secret in secrets} == {0o600}


def test_a_server_that_a_killed_program_has_left_gives_way(tmp_path: Path) -> None:
    """Given two servers whose owner is gone, when others are started on their data, then these have them alone."""
    left = EmbeddedPostgres(tmp_path / "postgres", durable=False).start()
    left_too = EmbeddedValkey(tmp_path / "valkey").start()
    rows(left.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with redis.Redis.from_url(left_too.url) as client:
        client.set("answer", 42)

    with EmbeddedPostgres(tmp_path / "postgres") as postgres, EmbeddedValkey(tmp_path / "valkey") as valkey:
        assert left.process is not None
        assert left_too.process is not None
        assert left.process.wait(10) == 0
        assert left_too.process.wait(10) == 0
        assert (postgres.url, valkey.url) == (left.url, left_too.url)
        assert rows(postgres.url, "SELECT answer FROM kept") == [(42,)]
        with redis.Redis.from_url(valkey.url) as client:
            assert client.get("answer") == b"42"


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        server.kill()
        pid_file = next(tmp_path.rglob("postmaster.pid"))
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")

        server.start()

        assert rows(server.url, "SELECT 1") == [(1,)]


def test_an_interrupted_initdb_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft" / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert rows(server.url, "SELECT 1") == [(1,)]


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert server.process is not None
        family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]

    assert len(family) > 3
    assert not any(process.is_running() for process in family)
    assert not list(tmp_path.rglob("postmaster.pid"))


def test_valkey_keeps_its_data_through_a_kill_and_never_evicts(redis_server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("key", "value")
        client.execute_command("WAITAOF", 1, 0, 5000)

    redis_server.kill()
    redis_server.start()

    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("key") == b"value"
