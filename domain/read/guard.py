"""Whether the event log is the one that the read models were folded from."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from domain.model.event_log import EventLog
from domain.model.position import Position
from domain.postgres.pool import Pool


class Divergence(NamedTuple):
    """A projection that has folded what the log does not have: it stands at *position*, where the log, which ends at
    *head*, has nothing, or another event."""

    projection: str
    shard: int
    position: int
    head: int

    def __str__(self) -> str:
        if self.position > self.head:
            return f"{self.projection} stands at {self.shard}-{self.position}, and the log ends at {self.head}"
        return f"{self.projection} stands at {self.shard}-{self.position}, where the log has another event"


def divergences(pool: Pool, event_log: EventLog, schema: str = "read_schema") -> list[Divergence]:
    """Return every checkpoint whose event *event_log* has not got, in three statements whatever the length of the log.

    It is what the engine looks at before it folds a shard, and LogDiverged says what is to be done.
    """
    with pool.cursor() as cursor:
        cursor.execute(
            f"SELECT projection, shard, position, event_id FROM {schema}.projection_checkpoints "  # noqa: S608
            "WHERE position > 0 ORDER BY projection, shard"
        )
        marks: list[tuple[str, int, int, str]] = cursor.fetchall()
    # The checkpoints are read first, so that whatever they stand at is in the log by now.
    there = event_log.ids(_places(marks))
    heads = event_log.heads()
    return [
        Divergence(name, shard, position, heads.get(shard, 0))
        for name, shard, position, event_id in marks
        if there.get(Position(shard, position)) != event_id
    ]


def _places(marks: Collection[tuple[str, int, int, str]]) -> set[Position]:
    return {Position(shard, position) for _, shard, position, _ in marks}
