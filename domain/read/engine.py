"""The projection engine: it keeps the read models up with the event log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog, Interest
from domain.postgres.pool import Pool
from domain.read import batch_log
from domain.read.batch_log import Batch
from domain.read.checkpoints import Checkpoint, Checkpoints, Taken
from domain.read.errors import LogDiverged, is_timeout
from domain.read.failure import Policy
from domain.read.invalidation import Invalidation, Invalidator, NullInvalidator
from domain.read.lagging import lagging
from domain.read.parking import ParkedAggregates
from domain.read.progress import Progress
from domain.read.projection import Projection
from domain.read.projection_states import ProjectionStates
from domain.read.release import Release, Released
from domain.read.row_store import execute
from domain.read.together import Together
from domain.read.turn import Turn
from domain.telemetry.counters import Counters
from domain.telemetry.names import FOLD

#: What the engine's sessions need of PostgreSQL; for the settings of its pool.
SESSION: Mapping[str, str] = {
    # The policies on the read models let these sessions see all tenants.
    "app.engine": "on",
    # A worker that freezes or is cut off loses its locks, and with them all it has not committed.
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    # Rows and checkpoint are lost together or not at all, and what a crash loses is folded again from the events.
    "synchronous_commit": "off",
    # Each batch looks up a few rows by key. Statistics that lag behind a growing table must not turn that into scans.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # What is prepared is planned once, and no value changes which index is the right one.
    "plan_cache_mode": "force_generic_plan",
}

#: A shard on which a batch was full is caught up in batches this many times as large: they cost less for each event.
_STRIDE = 5

#: After so many turns of a shard in a row that ended because a statement took too long, the next one looks for the
#: event that it takes too long about.
_PATIENCE = 3

#: No further piece is read in a transaction that holds more rows than this, which may be large ones.
_MOST_HELD = 5000

_USUAL, _NOBODY = Policy(), NullInvalidator()


class ProjectionEngine:
    """Folds events into the tables of *schema*, one shard at a time; any number of engines may share the work.

    Beside the tables of its projections the schema has those of domain.read.schema.BOOKKEEPING.
    """

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projections: Sequence[Projection],
        batch_size: int = 100,
        schema: str = "read_schema",
        policy: Policy = _USUAL,
        invalidator: Invalidator = _NOBODY,
        announce: Callable[[Collection[int]], object] = lambda _: None,
        counters: Counters | None = None,
        pieces: int = 1,
    ) -> None:
        """The sessions of *pool* need the settings SESSION. *invalidator* is told what was committed.

        So many *pieces* of *batch_size* events are folded in one transaction where the cache need not be told: what is
        written once for all of them costs less, and only one piece is in memory at a time.

        *announce* is told the shards that have moved, after the commit, for those who wait for it. It never raises.
        """
        self._pool = pool
        self._event_log = event_log
        self._projections = {projection.name: projection for projection in projections}
        self._batch_size = batch_size
        self._schema = schema
        self._policy = policy
        self._announce = announce
        self._counters = counters or Counters()
        #: How many turns in a row a statement has taken too long, by shard.
        self._timed_out: dict[int, int] = {}
        self._checkpoints = Checkpoints(schema)
        self._parked = ParkedAggregates(schema)
        self._states = ProjectionStates(schema)
        self._invalidation = Invalidation(pool, event_log, schema, invalidator)
        #: Whoever is told wants all events at hand.
        self._pieces = 1 if self._invalidation.needed else pieces
        self._release = Release(schema, event_log, batch_size, policy, cached=self._invalidation.needed)
        self._together = Together(
            pool, event_log, self._projections, batch_size, schema, self._invalidation, announce, self._counters
        )

    def catch_up(self, shard: int, seconds: float = 5.0) -> Progress:
        """Run until all is applied that *shard* had when that was read, or for about *seconds*."""
        deadline = time.monotonic() + seconds
        heard: dict[str, int] = {}
        applied, released, failed = 0, 0, dict[str, None]()
        limit = self._batch_size
        while True:
            progress = self._run(shard, heard, limit)
            limit = self._batch_size * (_STRIDE if progress.behind else 1)
            applied, released = applied + progress.applied, released + progress.released
            failed.update(dict.fromkeys(progress.failed))
            # What comes after a batch that was not full brings a hint of its own, and to look again would cost as much
            # as this look did.
            ended = not progress.behind and not progress.released
            if ended or time.monotonic() >= deadline:
                self._settle(shard, heard)
                return Progress(applied, not ended, progress.busy, tuple(failed), released)

    def run_together(self, shards: Collection[int]) -> dict[int, Progress]:
        """Apply one batch of each of *shards* in one transaction. Those that it returns nothing of need catch_up().

        It never raises: what can't be done so is left to that.
        """
        usual = [shard for shard in shards if shard not in self._timed_out]
        return self._together.run(usual) if usual else {}

    def run(self, shard: int) -> Progress:
        """Apply one batch of *shard* in one transaction. Raises LogDiverged, and what is_transient()."""
        heard: dict[str, int] = {}
        progress = self._run(shard, heard, self._batch_size)
        self._settle(shard, heard)
        return progress

    def _run(self, shard: int, heard: dict[str, int], limit: int) -> Progress:
        """Apply one batch, and count how often in a row that took too long."""
        try:
            progress = self._batch(shard, heard, limit)
        except Exception as error:
            if is_timeout(error):
                self._timed_out[shard] = self._timed_out.get(shard, 0) + 1
            raise
        self._timed_out.pop(shard, None)
        return progress

    def _batch(self, shard: int, heard: dict[str, int], limit: int) -> Progress:
        """Apply one batch of up to *limit* events. *heard* is how far the cache has heard, which is not stored yet."""
        began, began_at = time.monotonic(), time.time_ns()
        batches: list[Batch] = []
        behind, released = False, Released()
        with self._pool.transaction() as cursor:
            taken = self._checkpoints.take(cursor, shard, self._projections, cached=self._invalidation.needed)
            patient = self._timed_out.get(shard, 0) < _PATIENCE
            turn = Turn(cursor, self._schema, shard, self._projections, taken, self._policy, patient=patient)
            told = self._told(taken, heard)
            for names, at, room in self._groups(taken, limit):
                events = self._read(shard, names, at, room)
                if events:
                    turn.apply(names, events, told, partial(self._more, shard, names, at, room))
                if names := [name for name in names if name in turn.moved]:
                    batch = Batch(shard, names, at.position, turn.moved[names[0]], events)
                    batches.append(batch)
                    behind = behind or batch.size % room == 0
            turn.end_trials()
            positions = {name: turn.moved.get(name, each.at.position) for name, each in taken.items()}
            if turn.any_due:
                running = {name: self._projections[name] for name, each in taken.items() if not each.paused}
                released = self._release.run(cursor, shard, running, positions)
            if told is not None and heard and not turn.moved:
                execute(cursor, [self._checkpoints.hear({shard: heard})])
        if turn.moved or released.events:
            self._announce([shard])
        for name, what, n in (*turn.happened, *released.happened):
            self._counters.count(FOLD, name, what, n)
        batch_log.folded(batches, time.monotonic() - began, self._counters)
        with batch_log.span(batches, began_at):
            heard.clear()
            if told is not None:
                spans = {name: (told[name], position) for name, position in positions.items() if told[name] < position}
                heard.update(self._invalidation.tell(shard, spans, [batch.events for batch in batches]))
                if released.events or any(each.rewritten for each in taken.values()):
                    self._invalidation.tell_rewrites(shard)
        return Progress(
            applied=sum(batch.size for batch in batches),
            behind=behind,
            busy=len(taken) < len(self._projections),
            failed=tuple(dict.fromkeys([*turn.failed, *released.failed])),
            released=released.events,
        )

    def _told(self, taken: Mapping[str, Taken], heard: Mapping[str, int]) -> dict[str, int] | None:
        """Return how far the cache has heard of each projection; None where there is no cache."""
        if not self._invalidation.needed:
            return None
        return {name: max(each.heard, heard.get(name, 0)) for name, each in taken.items()}

    def _settle(self, shard: int, heard: Mapping[str, int]) -> None:
        if heard:
            self._invalidation.settle({shard: heard})

    def _groups(self, taken: Mapping[str, Taken], limit: int) -> list[tuple[list[str], Checkpoint, int]]:
        """Return the running projections that stand at the same checkpoint, and how many events they may read.

        Those behind stop where the next ones stand, so that they go on together.
        """
        groups: dict[Checkpoint, list[str]] = {}
        for name, each in taken.items():
            if each.runs:
                groups.setdefault(each.at, []).append(name)
        ordered = sorted(groups, key=lambda checkpoint: checkpoint.position)
        limits = [
            min(limit, following.position - checkpoint.position) or limit for checkpoint, following in pairwise(ordered)
        ]
        return [(groups[at], at, room) for at, room in zip(ordered, [*limits, limit], strict=False)]

    def _read(self, shard: int, names: Sequence[str], at: Checkpoint, limit: int) -> Sequence[RecordedEvent]:
        """Read up to *limit* events past *at*, after making sure that the log still has the event at *at*."""
        if at.position == 0:
            return self._read_past(shard, names, 0, limit)
        events = self._read_past(shard, names, at.position - 1, limit + 1)
        if not events or events[0].event_id != at.event_id:
            head = self._event_log.head(shard)
            raise LogDiverged(projections=", ".join(names), shard=shard, position=at.position, head=head)
        return events[1:]

    def _more(
        self, shard: int, names: Sequence[str], at: Checkpoint, limit: int, last: RecordedEvent, held: int
    ) -> Sequence[RecordedEvent]:
        """Return what is to be folded after *last* in the transaction that began at *at* and holds so many rows."""
        folded = last.position - at.position
        # A piece that was not full was the last.
        if folded % limit or folded >= self._pieces * limit or held > _MOST_HELD:
            return ()
        return self._read(shard, names, Checkpoint(last.position, last.event_id), limit)

    def _read_past(self, shard: int, names: Sequence[str], after: int, limit: int) -> Sequence[RecordedEvent]:
        if self._invalidation.needed:
            # The cache is told of all of them.
            return self._event_log.read(shard, after, limit)
        projections = [self._projections[name] for name in names]
        owned = {aggregate_type for each in projections for aggregate_type in each.owned}
        ignored = frozenset.intersection(*(each.ignored for each in projections))
        return self._event_log.read(shard, after, limit, Interest([*owned], [*ignored]))

    def lagging_shards(self) -> list[int]:
        """Return the shards whose head is past the checkpoint of a projection that is not paused."""
        with self._pool.cursor() as cursor:
            states = self._states.all(cursor, self._projections)
            positions = self._checkpoints.all(cursor)
        running = [name for name, state in states.items() if state.state == "running"]
        return lagging(self._event_log.heads(), positions, running)

    def due_shards(self) -> list[int]:
        """Return the shards on which there is something to do although they have no news: a parked aggregate or a
        paused projection to be tried again, or a change of which the cache was not told."""
        with self._pool.cursor() as cursor:
            shards = self._states.due_trials(cursor, self._projections)
            shards += self._parked.due_shards(cursor, self._projections)
            if self._invalidation.needed:
                shards += self._invalidation.due_shards(cursor, self._projections)
        return sorted(set(shards))

    def tell_rewrites(self, shard: int) -> None:
        """Tell the cache of rows on *shard* that somebody changed behind the checkpoint and noted with Rewrites."""
        if self._invalidation.needed:
            self._invalidation.tell_rewrites(shard)
