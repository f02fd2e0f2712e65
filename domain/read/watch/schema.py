"""The tables by which the processes and the projections are watched. All times in them are the database's own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, PrimaryKeyConstraint, SmallInteger, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID

from domain.read.schema import metadata


def _time(name: str, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


#: A worker or clock that writes down again and again that it lives. ``leads``: it is the clock that works.
processes = Table(
    "processes",
    metadata,
    Column("id", UUID(as_uuid=False), nullable=False),
    Column("kind", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("leads", Boolean, nullable=False),
    _time("started_at"),
    _time("seen_at"),
    PrimaryKeyConstraint("id"),
)

#: The last run of each job of the clock, whichever clock ran it.
clock_jobs = Table(
    "clock_jobs",
    metadata,
    Column("job", Text, nullable=False),
    _time("begun_at"),
    _time("ended_at", nullable=True),
    _time("succeeded_at", nullable=True),
    Column("failed_in_a_row", Integer, nullable=False, server_default=sql("0")),
    Column("error", Text),
    PrimaryKeyConstraint("job"),
)

#: How many events a projection had applied at a time, for the last few minutes.
projection_samples = Table(
    "projection_samples",
    metadata,
    Column("projection", Text, nullable=False),
    _time("taken_at"),
    Column("applied", BigInteger, nullable=False),
    PrimaryKeyConstraint("projection", "taken_at"),
)

#: A checkpoint that was behind its head, and since when it has been seen at this position.
lagging_marks = Table(
    "lagging_marks",
    metadata,
    Column("projection", Text, nullable=False),
    Column("shard", SmallInteger, nullable=False, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    _time("since"),
    PrimaryKeyConstraint("projection", "shard"),
)
