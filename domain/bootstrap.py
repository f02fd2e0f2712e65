"""The only place where parts are wired together."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from domain.model.position import Position
from domain.postgres.pool import Pool
from domain.read import engine, queries
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.queries import Queries
from domain.read.waiting import Waiter
from domain.settings import Settings
from domain.write.command_bus import CommandBus, nobody
from domain.write.postgres_store import PostgresEventStore

#: What no statement of ours may exceed, so that a stuck one can't hold a shard.
_COMMAND_SESSION = {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}


class Container:
    """The parts of the service, each made when it is first asked for, so that a process pays for what it uses."""

    def __init__(self, settings: Settings, on_appended: Callable[[Position, int], None] = nobody) -> None:
        """*on_appended* is told the last position and the number of events after each append."""
        self.settings = settings
        self._on_appended = on_appended

    @cached_property
    def write_pool(self) -> Pool:
        """Connections to write_schema."""
        return Pool(self.settings.database_url, application_name="cqrs commands", settings=_COMMAND_SESSION)

    @cached_property
    def read_pool(self) -> Pool:
        """Connections to read_schema, for those who write to it."""
        return Pool(self.settings.read_database_url, application_name="cqrs projections", settings=engine.SESSION)

    @cached_property
    def query_pool(self) -> Pool:
        """Connections to read_schema, or a replica of it, for those who only read."""
        return Pool(self.settings.read_replica_url, application_name="cqrs queries", settings=queries.SESSION)

    @cached_property
    def event_store(self) -> PostgresEventStore:
        return PostgresEventStore(self.write_pool)

    @cached_property
    def command_bus(self) -> CommandBus:
        return CommandBus(self.event_store, on_appended=self._on_appended)

    @cached_property
    def engine(self) -> ProjectionEngine:
        return ProjectionEngine(
            self.read_pool, self.event_store, PROJECTIONS, batch_size=self.settings.projection_batch_size
        )

    @cached_property
    def queries(self) -> Queries:
        return Queries(self.query_pool)

    @cached_property
    def waiter(self) -> Waiter:
        return Waiter(self.query_pool)

    def close(self) -> None:
        """Close the connections that were opened."""
        for name in ("write_pool", "read_pool", "query_pool"):
            if pool := self.__dict__.get(name):
                pool.close()


def bootstrap(settings: Settings, on_appended: Callable[[Position, int], None] = nobody) -> Container:
    """Wire the service as *settings* say. Nothing connects before a part is used."""
    return Container(settings, on_appended)
