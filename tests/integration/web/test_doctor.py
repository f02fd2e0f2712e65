"""The doctor finds what is wrong with settings, servers, schemas, processes and keys, and says what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis

from domain.bootstrap import Container
from domain.cache import scripts
from domain.read.watch.processes import Processes
from domain.settings import Settings
from tests.integration.read.poison import execute
from tests.integration.web.findings import failing, wrong
from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_cli import flask
from tests.stopwatch import Stopwatch
from web.doctor import caches, databases, environment, examine, projections, troubles, verdict
from web.doctor.finding import Finding
from web.doctor.places import is_near
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.valkey import EmbeddedValkey

ENVIRONMENT = {"JWT_SECRET": "a-secret-of-more-than-thirty-two-bytes", "METRICS_TOKEN": "open sesame"}


def test_a_service_that_is_well_has_nothing_to_mend(service: Service, tenant: Tenant, settings: Settings) -> None:
    service.get(f"/tenants/{tenant.id}/summary")
    processes = Processes(service.container.read_pool)
    processes.beat("00000000-0000-4000-8000-000000000001", "worker", leads=False)
    processes.beat("00000000-0000-4000-8000-000000000002", "clock", leads=True)

    found = examine(ENVIRONMENT | {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url})

    # What hangs on the machine of the tests.
    elsewhere = ("maxmemory", "free on its disk")
    assert wrong(each for each in found if not any(words in each.found for words in elsewhere)) == []
    told = {f"{each.check}: {each.found}" for each in found}
    assert any("is neither superuser nor BYPASSRLS" in line for line in told)
    assert any("1 cached answers were opened without keys" in line for line in told)
    assert "projections: each follows its events" in told
    assert "checkpoints: each is of this log; 0 events behind at most" in told


def test_all_that_is_wrong_with_the_settings_is_said_at_once() -> None:
    found = examine({"JWT_SECRET": "short", "PORT": "x", "PROJECTION_STRATEGY": "sync"})

    faults = [each.found for each in found if each.verdict == "fail"]
    named = [fault.replace(":", " ").split(" ")[0] for fault in faults]
    assert named == ["DATABASE_URL", "REDIS_URL", "PORT", "JWT_SECRET"]
    assert verdict(found) == "fail"
    servers = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"}
    unknown = examine({**ENVIRONMENT, **servers, "PROJECTION_STRATEGY": "planets=sync"})
    assert "there is no projection planets" in failing(unknown)


def test_the_command_works_where_the_settings_do_not_and_says_so_by_its_exit_code() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("flask"), "--app", "web", "doctor", "--json"],
        env={"PATH": os.environ["PATH"], "JWT_SECRET": "swordfish"},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, "swordfish" in done.stdout + done.stderr) == (1, False)
    assert json.loads(done.stdout)["verdict"] == "fail"


def test_settings_that_leave_a_door_open_are_warned_of(
    wired: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYNO", "web.1")
    careless = wired(cors_origins=frozenset("*"), position_waits=8, log_level="debug", edge_cache=True)

    assert {each.check for each in environment.settings(careless) if each.verdict == "warn"} == {
        "METRICS_TOKEN", "CORS_ORIGINS", "TRUSTED_PROXIES", "POSITION_WAITS", "LOG_LEVEL", "EDGE_PURGE_URL",
    }  # fmt: skip


def test_a_package_that_does_not_fit_is_named(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = "Name: needy\nVersion: 1\nRequires-Dist: flask>=99\nRequires-Dist: no-such-package\nRequires-Dist: click\n"
    (tmp_path / "needy-1.dist-info").mkdir()
    (tmp_path / "needy-1.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\n{needs}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(environment, "PROJECT", "needy")

    told = failing(environment.packages(container))

    assert "no-such-package is missing" in told
    assert "is not >=99" in told
    assert "click" not in told


def test_what_is_too_old_is_named(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PYTHON", (99, 0))
    monkeypatch.setattr(databases, "OLDEST", 99)
    monkeypatch.setattr(scripts, "FIRST_VERSION", 99)

    assert "Python 99.0 or newer" in failing(environment.interpreter())
    assert "Use 99 or newer" in failing(databases.databases(container))
    assert "Use 99 or newer" in failing(caches.servers(container))


def test_a_server_that_the_cache_refuses_for_its_age_is_not_passed_by_the_doctor(
    wired: Callable[..., Container], redis_server: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "FIRST_VERSION", 99)
    apart = wired(cache_redis_url=redis_server.url)

    with redis.Redis.from_url(redis_server.url) as client, pytest.raises(scripts.TooOld):
        scripts.enter(client)

    # The broker runs none of the cache's scripts.
    assert [each.check for each in caches.servers(apart) if each.verdict == "fail"] == ["redis (cache)"]


def test_a_database_that_was_not_migrated_is_told_how(
    wired: Callable[..., Container], empty_database_url: str, container: Container, database_url: str
) -> None:
    urls = dict.fromkeys(("database_url", "read_database_url", "read_replica_url"), empty_database_url)
    found = [each for each in databases.databases(wired(**urls)) if each.verdict == "fail"]
    assert [(each.check, each.found) for each in found] == [
        ("migrations (write_schema)", "there is no schema yet"),
        ("migrations (read_schema)", "there is no schema yet"),
    ]
    assert found[0].advice == "Run: python -m migrations upgrade"

    execute(database_url, "UPDATE read_schema.alembic_version SET version_num = '0001'")
    assert "at 0001, this release needs" in failing(databases.databases(container))
    execute(database_url, "UPDATE read_schema.alembic_version SET version_num = '9999'")
    assert wrong(databases.databases(container)) == []


def test_a_wall_between_tenants_that_is_down_is_found(container: Container, database_url: str) -> None:
    execute(database_url, "ALTER TABLE read_schema.user_projections NO FORCE ROW LEVEL SECURITY")
    execute(database_url, "DROP POLICY tenant_isolation ON read_schema.skipped_events")

    told = failing(databases.databases(container))

    assert "is not forced, or has no policy, on skipped_events, user_projections" in told


def test_a_role_that_passes_every_wall_is_found(
    wired: Callable[..., Container], postgres_server: EmbeddedPostgres
) -> None:
    path = urlsplit(postgres_server.url).path
    superuser = urlsplit(postgres_server.superuser_url)._replace(path=path).geturl()
    urls = dict.fromkeys(("database_url", "read_database_url", "read_replica_url"), superuser)

    assert "the role postgres is a superuser and BYPASSRLS" in failing(databases.databases(wired(**urls)))
    # And one that may do less than a rebuild takes.
    with psycopg2.connect(superuser) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE reader LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA read_schema TO reader")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA read_schema TO reader")
    connection.close()
    reader = f"postgresql://reader:x@127.0.0.1:{postgres_server.port}{path}?sslmode=disable"
    told = wrong(databases.databases(wired(read_database_url=reader)))
    assert [line for line in told if "may not create schemas and does not own" in line] != []


def test_a_frozen_server_does_not_hold_the_doctor_up(postgres_server: EmbeddedPostgres, redis_url: str) -> None:
    assert postgres_server.process is not None
    postmaster = postgres_server.process.pid
    settings = ENVIRONMENT | {"DATABASE_URL": postgres_server.url, "REDIS_URL": redis_url}
    os.kill(postmaster, signal.SIGSTOP)
    try:
        with Stopwatch() as watch:
            found = examine(settings, longest=2.0)
    finally:
        os.kill(postmaster, signal.SIGCONT)

    assert watch.seconds < 4
    # Those that it asks; a busy machine may keep others from having looked at anything yet.
    silent = {each.check for each in found if each.found == "no answer within 2 s"}
    assert silent >= {"databases", "connections", "projections"}
    assert [each.verdict for each in found if each.check == "tokens"] == ["ok"]


def test_servers_that_are_away_are_named_without_their_passwords(service: Service) -> None:
    away = ENVIRONMENT | {
        "DATABASE_URL": "postgresql://me:swordfish@127.0.0.1:1/x",
        "REDIS_URL": "redis://:swordfish@127.0.0.1:1",
    }

    found = examine(away)

    assert "swordfish" not in str(found)
    told = {each.check: each.found for each in found if each.verdict == "fail"}
    assert told["postgresql (commands, projections, queries)"] == "127.0.0.1:1/x does not answer: Connection refused"
    assert told["redis (broker and cache)"] == "127.0.0.1:1 does not answer: ConnectionError"


def test_a_checkpoint_past_its_log_is_a_restored_backup(
    service: Service, tenant: Tenant, container: Container, database_url: str
) -> None:
    service.fold()
    execute(database_url, "UPDATE read_schema.projection_checkpoints SET position = 99 WHERE projection = 'users'")

    found = [each for each in projections.projections(container) if each.check == "checkpoints"]

    assert "1 are of another log: users stands at " in failing(found)
    assert "restored from an older backup" in failing(found)
    assert "restore.md" in failing(found)


def test_processes_that_are_missing_are_missed(container: Container, service: Service) -> None:
    found = {each.check: each for each in projections.projections(container)}

    assert "worker" in failing([found["workers"]])
    assert "clock" in failing([found["clock"]])
    # Said once, not again among what the numbers mean.
    assert found["projections"].found == "each follows its events"


def test_what_processes_have_run_into_just_now_is_told(container: Container) -> None:
    assert [each.found for each in troubles.troubles(container)] == ["no process tells of any in the last minute"]

    container.telemetry.troubles.happened("disk_full")
    for _ in range(5):
        container.telemetry.troubles.happened("unknown_key")

    found = list(troubles.troubles(container))
    assert "Make space on PostgreSQL's disk" in failing(found)
    assert [line for line in wrong(found) if "5 tokens were refused" in line] != []


@pytest.mark.parametrize(("seconds", "word"), [(60, "fail"), (-60, "fail"), (3, "warn"), (0, "ok")])
def test_clocks_that_disagree_are_found(container: Container, seconds: int, word: str) -> None:
    found = databases.databases(container, now=lambda: datetime.now(UTC) + timedelta(seconds=seconds))

    assert [each.verdict for each in found if "clock and this machine's" in each.found] == [word]


def test_more_connections_than_the_server_lets_in_are_foreseen(
    container: Container, wired: Callable[..., Container]
) -> None:
    assert "Raise max_connections" in failing(databases.connections(wired(web_concurrency=64)))
    assert wrong(databases.connections(container)) == []


def test_what_is_found_is_a_table_or_json(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (ENVIRONMENT | {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}).items():
        monkeypatch.setenv(name, value)

    code, table = flask(service, "doctor")

    assert code == 1
    assert [line for line in table.splitlines() if line.startswith("fail     workers  ")] != []
    assert "→ Start one with the Procfile's line `worker`" in table
    found = json.loads(flask(service, "doctor", "--json", "--quiet")[1])
    assert found["verdict"] == "fail"
    assert {each["verdict"] for each in found["findings"]} <= {"warn", "fail"}
    assert set(found["findings"][0]) == set(Finding._fields)


def test_a_database_that_fails_without_a_word_is_named_all_the_same(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise psycopg2.OperationalError

    monkeypatch.setattr(psycopg2, "connect", broken)

    assert "does not answer: it says nothing" in failing(databases.databases(container))


@pytest.mark.parametrize(
    ("host", "near"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), (None, True), ("/run/postgresql", True),
     ("db.example.com", False), ("10.0.0.7", False)],
)  # fmt: skip
def test_what_leaves_this_machine_wants_tls(host: str | None, near: bool) -> None:
    assert is_near(host) is near


def test_databases_on_one_server_share_its_connections(
    wired: Callable[..., Container], empty_database_url: str
) -> None:
    apart = wired(read_database_url=empty_database_url, read_replica_url=empty_database_url)

    (found,) = databases.connections(apart)

    assert found.check == "connections (commands, projections, queries)"
    assert found.found.startswith("one release of web, worker and clock opens up to 91 of ")
