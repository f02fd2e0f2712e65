"""The restore drill: a backup is put back elsewhere, the read models are made anew there, and all of it is compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read import engine
from domain.read.engine import ProjectionEngine
from domain.read.errors import is_transient
from domain.read.guard import divergences
from domain.read.projection import Projection
from domain.read.rebuild.rebuilder import BATCH_SIZE
from domain.read.verify.records import NullVerifications
from domain.read.verify.verifier import Verifier
from domain.restore import digests
from domain.restore.backup import Backup
from domain.restore.spliced_log import SplicedLog
from domain.write.postgres_store import PostgresEventStore

#: How many differences of one kind are told.
_MOST = 10

#: What else a session needs that reads everything.
_WHOLE = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


class Drill:
    """What is live goes on meanwhile, and is only read. Nothing is compared that depends on when it was looked at: the
    backup says up to which position it goes on each shard, and the events up to there never change."""

    def __init__(
        self,
        live_url: str,
        live_read_url: str,
        read_pool: Pool,
        event_log: EventLog,
        projections: Sequence[Projection],
        migrate: Callable[[str], None],
        on_step: Callable[[str], None] = lambda _: None,
        jobs: int = 2,
    ) -> None:
        """*live_url* leads to write_schema, *live_read_url* and *read_pool*, whose sessions need the engine's SESSION,
        to read_schema. *migrate* brings the database at a URL to the present schemas; *on_step* is told what begins;
        *jobs* things are done at a time.
        """
        self._live_url = live_url
        self._live_read_url = live_read_url
        self._read_pool = read_pool
        self._event_log = event_log
        self._projections = list(projections)
        self._migrate = migrate
        self._on_step = on_step
        self._jobs = jobs
        self.seconds: dict[str, float] = {}
        self.differences: list[str] = []

    def take(self, backup: Backup) -> None:
        """Take *backup* of what is live. Raises what Backup.take() does."""
        with self._step("dump"):
            backup.take(self._live_url, self._live_read_url, self._jobs)

    def run(self, backup: Backup, target_url: str) -> dict[str, Any]:
        """Put *backup* into the empty database at *target_url* and compare; return the report, as JSON values.

        The report is fine if its ``differences`` are empty. Raises what Backup does.
        """
        with self._step("restore"):
            programs = backup.put_back(target_url, self._jobs)
        with self._step("migrate"):
            self._migrate(target_url)
            backup.put_skips_back(target_url)
        settings = {**engine.SESSION, **_WHOLE}
        with closing(Pool(target_url, settings=settings)) as target, self._whole(target_url) as restored:
            store = PostgresEventStore(restored)
            heads = store.heads()
            with self._step("compare the events with the live ones"), self._whole(self._live_url) as live:
                self._compare_events(digests.digests(restored, heads), digests.digests(live, heads), heads)
            with self._step("make the read models"):
                parked = self._fold(target, store, heads)
            with self._step("compare the new rows with the backup's events"):
                made = self._verify(target, store, "the rows made from the backup")
            with self._step("compare the live rows with the backup's events and those since"):
                kept = self._verify(self._read_pool, SplicedLog(store, self._event_log), "the live rows")
            past = divergences(self._read_pool, store)
            since = sum(self._event_log.heads().values()) - sum(heads.values())
        return {
            "programs": f"{programs.folder} ({programs.version})",
            "backup_bytes": backup.bytes(),
            "shards": len(heads),
            "events": sum(heads.values()),
            "events_since": since,
            "rows": sum(each["rows"] for each in made),
            "live_rows": sum(each["rows"] for each in kept),
            "parked": parked,
            "events_per_second": round(sum(heads.values()) / max(self.seconds["make the read models"], 0.001)),
            "seconds": {step: round(seconds, 2) for step, seconds in self.seconds.items()},
            "seconds_in_all": round(sum(self.seconds.values()), 2),
            "guard": {"checkpoints_past_the_backup": len(past), "examples": [str(each) for each in past[:3]]},
            "differences": self.differences,
        }

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._on_step(name)
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun

    @contextmanager
    def _whole(self, url: str) -> Iterator[Pool]:
        with closing(Pool(url, application_name="cqrs restore", settings={**digests.SESSION, **_WHOLE})) as pool:
            yield pool

    def _compare_events(
        self, restored: Mapping[int, digests.Digest], live: Mapping[int, digests.Digest], heads: Mapping[int, int]
    ) -> None:
        """Every shard has all its events without a gap, and they are the live store's."""
        gaps = [shard for shard, head in heads.items() if (each := restored.get(shard)) is None or each.events != head]
        self._differ("shards with gaps in the backup", gaps)
        self._differ(
            "shards with other events in the backup than in the live store",
            [shard for shard in heads if shard not in gaps and restored[shard] != live.get(shard)],
        )

    def _fold(self, pool: Pool, store: PostgresEventStore, heads: Mapping[int, int]) -> int:
        """Fold all events as the workers would; return how many aggregates can't be folded."""
        folding = ProjectionEngine(pool, store, self._projections, batch_size=BATCH_SIZE)

        def catch_up(shard: int) -> None:
            while folding.catch_up(shard).behind:
                pass

        with ThreadPoolExecutor(self._jobs) as threads:
            list(threads.map(catch_up, heads))
        self._differ("shards that could not be folded to their end", folding.lagging_shards())
        parked, known = (_parked(each) for each in (pool, self._read_pool))
        self._differ("aggregates that can't be folded, and were folded live", sorted(parked - known))
        return len(parked)

    def _verify(self, pool: Pool, log: EventLog, what: str) -> list[dict[str, Any]]:
        verifier, found = Verifier(pool, log, self._projections, records=NullVerifications()), []
        for name in (projection.name for projection in self._projections):
            try:
                found += verifier.all([name])
            except Exception as error:
                if is_transient(error):
                    raise
                self._differ(f"events that can't be folded to compare {name} with {what}", [str(error)])
        for each in found:
            self._differ(f"aggregates of {each['projection']} that differ in {what}", each["examples"], each["drifted"])
        return found

    def _differ(self, what: str, found: Sequence[object], count: int | None = None) -> None:
        if found:
            examples = ", ".join(map(_shown, found[:_MOST]))
            self.differences.append(f"{what}: {len(found) if count is None else count}, such as {examples}")


def _shown(found: object) -> str:
    if isinstance(found, dict):
        return f"{found['kind']} {found['table']} {' '.join(map(str, found['key'].values()))}"
    return " ".join(found) if isinstance(found, tuple) else str(found)


def _parked(pool: Pool) -> set[tuple[str, str]]:
    with pool.cursor() as cursor:
        cursor.execute("SELECT projection, aggregate_id FROM read_schema.parked_aggregates")
        return set(cursor.fetchall())
