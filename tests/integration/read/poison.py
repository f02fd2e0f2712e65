"""Events that can't be folded, and what the rows are without them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from typing import Any

import psycopg2

from domain.model.event import RecordedEvent
from domain.postgres.pool import Pool
from domain.read.fold import fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projections import PROJECTIONS
from tests.story import MemoryEventLog, Story

#: Changes the last event of a user into one that fails in the projection of users.
Poison = Callable[[Story, int], RecordedEvent]

#: The longest first name that the database takes in these tests.
LONGEST = 100


def _changed(story: Story, shard: int, **changes: Any) -> RecordedEvent:
    event = story.events[shard][-1]._replace(**changes)
    story.events[shard][-1] = event
    return event


def exception(story: Story, shard: int) -> RecordedEvent:
    return _changed(story, shard, event_type="user.role_changed", payload={"no": "role"})


def constraint(story: Story, shard: int) -> RecordedEvent:
    return _changed(story, shard, event_type="user.updated", payload={"last_name": None})


def too_long(story: Story, shard: int) -> RecordedEvent:
    return _changed(story, shard, event_type="user.updated", payload={"first_name": "A" * (LONGEST + 1)})


def undecodable(story: Story, shard: int) -> RecordedEvent:
    return _changed(story, shard, event_type="user.updated", payload="[1, 2")


def unknown_type(story: Story, shard: int) -> RecordedEvent:
    return _changed(story, shard, event_type="user.exploded")


def newer_version(story: Story, shard: int) -> RecordedEvent:
    return _changed(story, shard, schema_version=99)


#: Each kind with the error that it ends in.
KINDS: Mapping[Poison, str] = {
    exception: "KeyError",
    constraint: "NotNullViolation",
    too_long: "StringDataRightTruncation",
    undecodable: "EventNotReadable",
    unknown_type: "UnknownEvent",
    newer_version: "EventNotReadable",
}


def limit_names(database_url: str) -> None:
    """Let the database refuse first names that are too long."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE read_schema.user_projections ALTER first_name TYPE varchar({LONGEST})")
        connection.commit()


def execute(url: str, statement: str, *values: Any) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        connection.commit()


def sequential_fold(
    log: MemoryEventLog,
    parked: Mapping[tuple[str, str], int] | None = None,
    skipped: Mapping[str, Mapping[str, Collection[int]]] | None = None,
) -> dict[str, Any]:
    """Return the rows that folding one event after the other gives.

    *parked*: (projection, aggregate id) → the version from which on its events wait. *skipped*: by projection.
    """
    store = MemoryRowStore()
    for projection in PROJECTIONS:
        left_out = (skipped or {}).get(projection.name, {})
        for table in projection.tables:
            store.tables[table.name] = {}
        for shard, head in log.heads().items():
            for event in log.read(shard, 0, head):
                waits_from = (parked or {}).get((projection.name, event.aggregate_id))
                if waits_from is None or event.version < waits_from:
                    store.write(fold(projection, [event], store, left_out))
    return store.tables


def parked(pool: Pool) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the parked aggregates by projection and id."""
    columns = ("projection", "aggregate_id", "version", "from_position", "attempts", "error_class", "dead_at")
    with pool.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM read_schema.parked_aggregates")
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return {(row["projection"], row["aggregate_id"]): row for row in rows}


def make_due(pool: Pool) -> None:
    """Let the time pass until the next attempts and trials."""
    with pool.cursor() as cursor:
        cursor.execute("UPDATE read_schema.parked_aggregates SET next_attempt_at = now() WHERE dead_at IS NULL")
        cursor.execute("UPDATE read_schema.projections SET next_trial_at = now() WHERE next_trial_at IS NOT NULL")


def cure(story: Story, event: RecordedEvent) -> None:
    """Put a good event in the place of a bad one, as a release that can read it would."""
    good = event._replace(event_type="user.updated", payload={"last_name": "Cured"}, schema_version=1)
    story.events[event.shard][event.position - 1] = good
