"""Backups that are taken in the midst of a storm, put back, compared, and put in place of what is newer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from domain.bootstrap import Container, bootstrap
from domain.model.position import shard_of
from domain.read.errors import LogDiverged
from domain.settings import Settings
from tests.e2e.comparison import folded, stored
from tests.faults.scale import scaled
from tests.faults.storm import Storm
from web.app import create_app

pytestmark = pytest.mark.fault

SECRET = "a-secret-of-more-than-thirty-two-bytes"

#: Seconds of storm before and after a backup is taken.
STORM = scaled(0.5, 30)


def settings(database_url: str, redis_url: str, read_url: str = "") -> Settings:
    urls = {"DATABASE_URL": database_url, "READ_DATABASE_URL": read_url, "REDIS_URL": redis_url}
    return Settings.from_environment(urls | {"JWT_SECRET": SECRET})


class Operator:
    """Whoever types commands on the service that *container* is wired for."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._runner = create_app(container=container).test_cli_runner()

    def types(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its status and what it printed."""
        result = self._runner.invoke(args=arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout or result.output

    def drills(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        code, text = self.types("restore-drill", "--json", *arguments)
        return code, json.loads(text)


@pytest.fixture
def operator_of() -> Iterator[Callable[[Settings], Operator]]:
    with ExitStack() as stack:

        def make(chosen: Settings) -> Operator:
            container = bootstrap(chosen)
            stack.callback(container.close)
            return Operator(container)

        yield make


@pytest.fixture
def storm(database_url: str, redis_url: str) -> Iterator[Storm]:
    storm = Storm(settings(database_url, redis_url), tenants=6, writers=2, workers=1)
    yield storm
    storm.close()


def test_a_drill_in_a_storm_proves_the_backup_and_leaves_what_is_live_alone(
    storm: Storm, operator_of: Callable[[Settings], Operator]
):
    operator = operator_of(storm.container.settings)
    with storm:
        time.sleep(STORM)
        # When a backup is taken, put into a cluster of its own, and all is compared, while everything goes on
        before = storm.commands
        code, report = operator.drills()

    # Then nothing differs, whatever has happened meanwhile, and nobody has noticed
    assert (code, report["differences"]) == (0, [])
    assert storm.faults == []
    assert storm.commands > before
    assert report["events"] > 30
    assert report["shards"] >= 5
    assert report["rows"] > 30
    assert report["live_rows"] >= report["rows"]
    assert report["events_since"] > 0
    # And it says that the backup would be behind the read models by now
    assert report["guard"]["checkpoints_past_the_backup"] > 0


def execute(url: str, *statements: str) -> None:
    with psycopg2.connect(url, options="-c app.engine=on") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def test_a_drill_finds_whatever_differs(
    storm: Storm, tmp_path: Path, empty_database_url: str, operator_of: Callable[[Settings], Operator]
):
    # Given a backup of a store with a gap
    with storm:
        time.sleep(STORM)
    url, operator = storm.container.settings.database_url, operator_of(storm.container.settings)
    gap, forged, drifted = storm.tenants[:3]
    unlocked = "ALTER TABLE write_schema.domain_events DISABLE TRIGGER append_only"
    last = storm.container.event_store.head(shard_of(gap))
    execute(
        url, unlocked, f"DELETE FROM write_schema.domain_events WHERE shard = {shard_of(gap)} AND position = {last}"
    )
    assert operator.types("backup", str(tmp_path / "backup"))[0] == 0

    # When later a row and an event are other ones than they were
    execute(
        url,
        f"UPDATE write_schema.domain_events SET metadata = '{{}}' WHERE shard = {shard_of(forged)} AND position = 1",
        f"UPDATE read_schema.user_projections SET email = 'x@example.com' WHERE user_id = '{storm.users[drifted][0]}'",
    )
    code, report = operator.drills("--backup", str(tmp_path / "backup"), "--into", empty_database_url)

    # Then the drill fails, and names each of them
    assert code == 1
    told = "\n".join(report["differences"])
    assert f"shards with gaps in the backup: 1, such as {shard_of(gap)}" in told
    assert f"in the backup than in the live store: 1, such as {shard_of(forged)}" in told
    assert "aggregates of users that differ in the live rows" in told
    assert f"changed user_projections {drifted} {storm.users[drifted][0]}" in told
    assert "in the rows made from the backup" not in told

    # And a database that is not empty is left alone
    code, said = operator.types("restore-drill", "--backup", str(tmp_path / "backup"), "--into", empty_database_url)
    assert code == 1
    assert "Give an empty one" in said


def test_a_store_that_is_older_than_its_read_models_is_recognised_and_made_good(
    storm: Storm,
    redis_url: str,
    tmp_path: Path,
    empty_database_url: str,
    operator_of: Callable[[Settings], Operator],
):
    live = operator_of(storm.container.settings)
    # Given a backup, put back in place of an event store that has gone on since
    with storm:
        time.sleep(STORM)
        assert live.types("backup", str(tmp_path / "backup"))[0] == 0
        time.sleep(STORM)
    drill = live.drills("--backup", str(tmp_path / "backup"), "--into", empty_database_url)
    assert drill[0] == 0, drill[1]["differences"]
    assert live.types("restore-check")[0] == 0
    restored = operator_of(settings(empty_database_url, redis_url, storm.container.settings.database_url))
    parts = restored.container
    tenant = max(parts.event_store.heads(), key=lambda shard: live.container.event_store.head(shard))
    tenant = next(each for each in storm.tenants if shard_of(each) == tenant)
    cached = parts.caching.queries.get("tenant_summary", tenant, {})

    # Then nothing is folded, and whoever looks is told why, and what to do
    with pytest.raises(LogDiverged, match="start-over"):
        parts.engine.run(shard_of(tenant))
    code, said = restored.types("restore-check")
    assert code == 1
    assert "the log ends at" in said
    assert "flask --app web projections start-over" in said

    # When it is done, and the workers fold what there is
    code, said = restored.types("projections", "start-over", "--yes")
    assert code == 0, said
    for shard in parts.event_store.heads():
        parts.engine.catch_up(shard, 60)

    # Then the read models are what the restored events give, and no answer comes from the former ones
    assert restored.types("restore-check")[0] == 0
    assert stored(parts.read_pool) == folded(parts.event_store)
    answer = parts.caching.queries.get("tenant_summary", tenant, {})
    assert answer.position.offset == parts.event_store.head(shard_of(tenant)) < cached.position.offset
