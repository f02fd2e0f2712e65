"""Wires the parts together, by hand. Those of the cache are wired in domain.caching and domain.cache.factory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from domain.cache.factory import make_telemetry
from domain.caching import Caching
from domain.model.position import Position
from domain.postgres.failure_class import failure_class
from domain.postgres.pool import Pool
from domain.read import engine, queries
from domain.read.bell import RedisBell, Ringer
from domain.read.dead_letters import DeadLetters
from domain.read.engine import ProjectionEngine
from domain.read.failure import Policy
from domain.read.projection import Projection
from domain.read.projections import PROJECTIONS
from domain.read.queries import Queries
from domain.read.rebuild.rebuilder import Rebuilder
from domain.read.rebuild.start_over import StartOver
from domain.read.skips import Skips
from domain.read.switch import ProjectionSwitch
from domain.read.synchronous import SynchronousFold
from domain.read.tenants import Tenants
from domain.read.verify.repair import Repair
from domain.read.verify.verifier import Verifier
from domain.read.waiting import Waiter
from domain.read.watch.monitor import Monitor
from domain.restore.drill import Drill
from domain.settings import Settings, SettingsError
from domain.telemetry import names
from domain.telemetry.counters import Counters
from domain.telemetry.telemetry import Telemetry
from domain.variables import Strategy
from domain.write.command_bus import CommandBus, nobody
from domain.write.postgres_store import PostgresEventStore

#: What no statement of ours may exceed, so that a stuck one can't hold a shard.
COMMAND_SESSION = {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}

#: A command that folds its own events must not wait long for a connection, a lock or a statement.
_SYNCHRONOUS_SESSION = {**engine.SESSION, "statement_timeout": "1s", "lock_timeout": "200ms"}


class Container:
    """The parts of the service, each made when it is first asked for, so that a process pays for what it uses."""

    def __init__(self, settings: Settings, on_appended: Callable[[Position, int], None] = nobody) -> None:
        """*on_appended* is told the last position and the number of events after each append."""
        self.settings = settings
        self._on_appended = on_appended

    @cached_property
    def telemetry(self) -> Telemetry:
        """What this process counts and says, and what all of them do."""
        telemetry = make_telemetry(self.settings.cache_redis_url)
        telemetry.also_say("pools", self.pools)
        return telemetry

    @property
    def counters(self) -> Counters:
        return self.telemetry.counters

    @cached_property
    def write_pool(self) -> Pool:
        """Connections to write_schema."""
        url = self.settings.database_url
        return self._pool("write", url, application_name="cqrs commands", settings=COMMAND_SESSION)

    @cached_property
    def read_pool(self) -> Pool:
        """Connections to read_schema, for those who write to it."""
        url = self.settings.read_database_url
        return self._pool("read", url, application_name="cqrs projections", settings=engine.SESSION)

    @cached_property
    def query_pool(self) -> Pool:
        """Connections to read_schema, or a replica of it, for those who only read."""
        url = self.settings.read_replica_url
        return self._pool("query", url, application_name="cqrs queries", settings=queries.SESSION)

    def _pool(self, name: str, url: str, **options: Any) -> Pool:
        """Make a pool whose troubles are counted under *name*."""

        def failed(error: BaseException) -> None:
            if kind := failure_class(error):
                self.counters.count(names.DATABASE, name, kind)
                if kind == "disk_full":
                    self.telemetry.troubles.happened("disk_full")

        return Pool(url, failed=failed, **options)

    @cached_property
    def event_store(self) -> PostgresEventStore:
        return PostgresEventStore(self.write_pool)

    @cached_property
    def command_bus(self) -> CommandBus:
        return CommandBus(self.event_store, on_appended=self._appended, counters=self.counters)

    @cached_property
    def engine(self) -> ProjectionEngine:
        """The engine over all projections, for those who look after them."""
        return self._engine_of(self.read_pool, PROJECTIONS)

    @cached_property
    def worker_engine(self) -> ProjectionEngine | None:
        """The engine that follows the hints: what synchronous commands left, and all that is asynchronous."""
        return self._engine(self.read_pool, "async", "sync")

    @cached_property
    def batch_engine(self) -> ProjectionEngine | None:
        """The engine that follows the clock's tick. None, as with the others, where no projection is folded so."""
        return self._engine(self.read_pool, "batch")

    @cached_property
    def synchronous_fold(self) -> SynchronousFold | None:
        synchronous = self._engine(self.synchronous_pool, "sync", prompt=True)
        return None if synchronous is None else SynchronousFold(synchronous)

    @cached_property
    def synchronous_pool(self) -> Pool:
        """Connections to read_schema for commands that fold their own events."""
        return self._pool(
            "synchronous",
            self.settings.read_database_url,
            wait=0.25,
            application_name="cqrs synchronous",
            settings=_SYNCHRONOUS_SESSION,
        )

    def _engine(self, pool: Pool, *strategies: Strategy, prompt: bool = False) -> ProjectionEngine | None:
        chosen = [each for each in PROJECTIONS if self.settings.projection_strategy.of(each.name) in strategies]
        if not chosen:
            return None
        return self._engine_of(pool, chosen, prompt=prompt)

    def _engine_of(self, pool: Pool, projections: Sequence[Projection], *, prompt: bool = False) -> ProjectionEngine:
        """*prompt*: somebody waits for what the engine does."""
        policy = Policy(
            max_attempts=self.settings.projection_max_attempts,
            pause_threshold=self.settings.projection_pause_threshold,
            retry_seconds=self.settings.projection_retry_seconds,
        )
        return ProjectionEngine(
            pool,
            self.event_store,
            projections,
            batch_size=self.settings.projection_batch_size,
            policy=policy,
            invalidator=self.caching.prompt_invalidator if prompt else self.caching.invalidator,
            announce=self.ringer.ring,
            counters=self.counters,
        )

    @cached_property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.read_pool, self.event_store)

    @cached_property
    def skips(self) -> Skips:
        return Skips(self.read_pool)

    @cached_property
    def tenants(self) -> Tenants:
        return Tenants(self.read_pool)

    @cached_property
    def projection_switch(self) -> ProjectionSwitch:
        return ProjectionSwitch(self.read_pool, [projection.name for projection in PROJECTIONS])

    def wake(self, shards: Iterable[int]) -> None:
        """Tell the workers that there is something to do on *shards*; the clock finds it too, a little later."""
        for shard in sorted(set(shards)):
            self._on_appended(Position(shard, 0), 0)

    def _appended(self, position: Position, count: int) -> None:
        self.counters.count(names.LOG, "events", "appended", count)
        if self.synchronous_fold is not None:
            self.synchronous_fold.fold(position)
        # The workers hear of it last, so that they don't take the shard away from the fold above.
        self._on_appended(position, count)

    @cached_property
    def rebuilder(self) -> Rebuilder:
        return Rebuilder(
            self.read_pool,
            self.event_store,
            PROJECTIONS,
            on_cut_over=lambda _projection: self.caching.invalidator.renew_all(),
        )

    @cached_property
    def repair(self) -> Repair:
        return Repair(self.read_pool, self.event_store, PROJECTIONS)

    @cached_property
    def start_over(self) -> StartOver:
        return StartOver(self.read_pool, self.event_store, PROJECTIONS, lambda: self.caching.invalidator.renew_all())

    def drill(self, migrate: Callable[[str], None], on_step: Callable[[str], None], jobs: int) -> Drill:
        """A restore drill against what is live; the parameters are the Drill's own."""
        live, read = self.settings.database_url, self.settings.read_database_url
        return Drill(live, read, self.read_pool, self.event_store, PROJECTIONS, migrate, on_step, jobs)

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(self.read_pool, self.event_store, PROJECTIONS)

    @cached_property
    def monitor(self) -> Monitor:
        strategies = {each.name: self.settings.projection_strategy.of(each.name) for each in PROJECTIONS}
        return Monitor(self.read_pool, self.event_store, strategies, self.settings.projection_batch_interval)

    @cached_property
    def queries(self) -> Queries:
        return Queries(self.query_pool)

    @cached_property
    def caching(self) -> Caching:
        """The cache before the queries, and who tells it what has changed."""
        return Caching(self.settings, self.read_pool, self.queries, self.event_store.tenant_of, self.telemetry)

    def pools(self) -> dict[str, dict[str, int]]:
        """Return how full the pools of connections are that this process has made."""
        made = [name for name in ("write_pool", "read_pool", "query_pool", "synchronous_pool") if name in self.__dict__]
        return {name: self.__dict__[name].fullness() for name in made}

    @cached_property
    def waiter(self) -> Waiter:
        return Waiter(self.query_pool, self.event_store, self.bell, self.settings.position_waits, self.counters)

    @cached_property
    def bell(self) -> RedisBell:
        """Rings in this process when the read models have moved."""
        return RedisBell(self.settings.redis_url)

    @cached_property
    def ringer(self) -> Ringer:
        """Rings the bell of all processes."""
        return Ringer(self.settings.redis_url)

    def close(self) -> None:
        """Close the connections that were opened."""
        parts = ("caching", "telemetry", "bell", "ringer", "write_pool", "read_pool", "query_pool", "synchronous_pool")
        for name in parts:
            if part := self.__dict__.get(name):
                part.close()


def bootstrap(settings: Settings, on_appended: Callable[[Position, int], None] = nobody) -> Container:
    """Wire the service as *settings* say. Nothing connects before a part is used.

    Raises SettingsError for what can be seen only here: a strategy for a projection that there is not.
    """
    known = [projection.name for projection in PROJECTIONS]
    if unknown := sorted(set(settings.projection_strategy.named) - set(known)):
        raise SettingsError(
            [f"PROJECTION_STRATEGY: there is no projection {each}; there are {', '.join(known)}" for each in unknown]
        )
    return Container(settings, on_appended)
