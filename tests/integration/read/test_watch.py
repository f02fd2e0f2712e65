from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read import engine
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.watch.health import STANDSTILL
from domain.read.watch.job_log import JobLog
from domain.read.watch.marks import Mark, read_marks
from domain.read.watch.monitor import Monitor
from domain.read.watch.processes import DEAD, Processes
from tests.story import Story
from workers.checkpoint_watch import CheckpointWatch
from workers.job import Job, LoggedRun

STRATEGIES = {projection.name: "async" for projection in PROJECTIONS}


@pytest.fixture
def pool(database_url: str):
    made = Pool(database_url, settings=engine.SESSION)
    yield made
    made.close()


class Told(Story):
    """A story whose events occur when we say."""

    age = 0.0

    def occurred(self, places):
        return {place: datetime.now(UTC) - timedelta(seconds=self.age) for place in super().occurred(places)}


@pytest.fixture
def story() -> Told:
    return Told()


@pytest.fixture
def monitor(pool: Pool, story: Told) -> Monitor:
    return Monitor(pool, story, STRATEGIES, batch_interval=60)


@pytest.fixture
def passes(pool: Pool) -> Callable[[float], None]:
    """Lets seconds pass, by making all that is written down older."""

    def passes(seconds: float) -> None:
        with pool.cursor() as cursor:
            for table, columns in {
                "projection_checkpoints": ["moved_at"],
                "lagging_marks": ["since"],
                "processes": ["seen_at", "started_at"],
                "projection_samples": ["taken_at"],
            }.items():
                for column in columns:
                    cursor.execute(
                        f"UPDATE read_schema.{table} SET {column} = {column} - make_interval(secs => {seconds})"
                    )

    return passes


def fold(pool: Pool, story: Story) -> None:
    for shard in story.heads():
        ProjectionEngine(pool, story, PROJECTIONS).catch_up(shard)


def test_a_mark_tells_the_events_and_the_seconds_it_is_behind(pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    fold(pool, story)
    story.user(tenant)

    (mark,) = read_marks(pool, story, ["users"], now=lambda: datetime.now(UTC) + timedelta(seconds=12))

    assert (mark.shard, mark.position, mark.head, mark.lag) == (shard, 1, 3, 2)
    assert 12 <= mark.waiting < 14
    assert mark.still < 2


def test_a_mark_with_nothing_before_it_is_not_late_however_old(
    pool: Pool, story: Told, monitor: Monitor, passes: Callable[[float], None]
) -> None:
    tenant = story.tenant()
    fold(pool, story)
    passes(3600)

    assert {(mark.waiting, mark.still) for mark in monitor.marks()} == {(0.0, 0.0)}

    # And an event that comes after an hour of silence is no standstill
    story.user(tenant)
    assert max(mark.still for mark in monitor.marks()) < 1


def test_a_mark_that_stands_still_before_an_event_is_unhealthy(
    pool: Pool, story: Told, monitor: Monitor, passes: Callable[[float], None]
) -> None:
    tenant = story.tenant()
    fold(pool, story)
    story.user(tenant)

    story.age = STANDSTILL + 5
    assert monitor.health().verdict == "degraded"
    passes(STANDSTILL + 5)

    health = monitor.health()
    assert health.verdict == "unhealthy"
    assert health.reasons[0] == f"shard {shard_of(tenant)} has not moved for 25 s in users: no worker is alive"


def test_a_shard_that_nobody_ever_began_with_stands_still_too(story: Told, monitor: Monitor) -> None:
    story.tenant()
    story.age = STANDSTILL + 5

    assert monitor.health().verdict == "unhealthy"


def test_a_standstill_is_seen_though_the_events_come_from_a_machine_whose_clock_is_ahead(
    pool: Pool, story: Told, monitor: Monitor, passes: Callable[[float], None]
) -> None:
    tenant = story.tenant()
    fold(pool, story)
    story.user(tenant)
    story.age = -7200.0
    watch = CheckpointWatch(monitor, pool)
    watch()
    passes(STANDSTILL + 5)
    watch()

    assert monitor.health().verdict == "unhealthy"

    # And when it moves again all is forgotten
    fold(pool, story)
    watch()
    assert not any(mark.still for mark in monitor.marks())
    with pool.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM read_schema.lagging_marks")
        assert cursor.fetchone() == (0,)


def test_a_mark_that_moves_is_not_still_however_long_it_lags(
    pool: Pool, story: Told, monitor: Monitor, passes: Callable[[float], None]
) -> None:
    tenant = story.tenant()
    for _ in range(6):
        story.user(tenant)
    watch = CheckpointWatch(monitor, pool)
    story.age = 3600.0
    for _ in range(3):
        ProjectionEngine(pool, story, PROJECTIONS, batch_size=2).run(shard_of(tenant))
        watch()
        assert not any(mark.still > 1 for mark in monitor.marks())
        passes(STANDSTILL / 2)

    assert "shows what was 3600 s ago" in " ".join(monitor.health().reasons)


def test_a_projection_that_is_behind_names_the_shard_that_has_stood_longest_first(
    pool: Pool, story: Told, monitor: Monitor, passes: Callable[[float], None]
) -> None:
    # Given a shard that is behind by one event for long, and one that is behind by two since just now
    first, second = story.tenant(), story.tenant()
    fold(pool, story)
    story.user(first)
    ProjectionEngine(pool, story, PROJECTIONS, batch_size=1).run(shard_of(first))
    CheckpointWatch(monitor, pool)()
    passes(60)
    story.user(second)

    # When the status is asked for
    told = monitor.status()["projections"]

    # Then each projection says so
    for shown in told:
        assert (shown["state"], shown["applied"], shown["lag"], shown["shards_behind"]) == ("catching_up", 3, 3, 2)
        slowest = [(shard["shard"], shard["lag"]) for shard in shown["slowest_shards"]]
        assert slowest == [(shard_of(first), 1), (shard_of(second), 2)]


def test_a_projection_folded_at_the_tick_may_wait_for_it(pool: Pool, story: Told) -> None:
    story.tenant()
    story.age = 100.0
    usual = Monitor(pool, story, {"users": "async"}, batch_interval=60)
    batch = Monitor(pool, story, {"users": "batch"}, batch_interval=60)

    assert (usual.health().verdict, batch.health().verdict) == ("unhealthy", "degraded")
    story.age = 141.0
    assert batch.health().verdict == "unhealthy"


def test_how_fast_a_projection_moves_is_told_from_samples(
    pool: Pool, story: Told, monitor: Monitor, passes: Callable[[float], None]
) -> None:
    watch = CheckpointWatch(monitor, pool)
    assert {each["events_per_second"] for each in monitor.status()["projections"]} == {None}
    watch()
    story.tenant()
    watch()
    passes(10)
    tenant = story.tenant()
    for _ in range(24):
        story.user(tenant)
    fold(pool, story)

    rates = {each["events_per_second"] for each in monitor.status()["projections"]}

    assert all(4.5 < rate <= 5.1 for rate in rates)


def test_a_diverged_shard_is_told_even_if_the_log_has_nothing_on_it(pool: Pool, story: Told, monitor: Monitor) -> None:
    tenant = story.tenant()
    fold(pool, story)
    story.events[shard_of(tenant)].clear()

    assert Mark("users", shard_of(tenant), 1, 0) in monitor.marks()
    assert monitor.health().verdict == "unhealthy"


def test_processes_that_do_not_beat_any_more_are_not_alive(pool: Pool, passes: Callable[[float], None]) -> None:
    processes = Processes(pool)
    worker, clock = str(uuid4()), str(uuid4())
    processes.beat(worker, "worker", leads=False)
    passes(DEAD - 1)
    processes.beat(clock, "clock", leads=False)
    processes.beat(clock, "clock", leads=True)

    assert [(each.kind, each.leads) for each in processes.alive()] == [("worker", False), ("clock", True)]
    passes(2)
    assert [each.kind for each in processes.alive()] == ["clock"]
    processes.leave(clock)
    assert processes.alive() == []


def test_a_job_that_fails_is_seen_and_stops_nothing(pool: Pool, monitor: Monitor) -> None:
    job_log = JobLog(pool)
    outcomes = iter([ValueError("first"), ValueError("second"), ValueError("third"), None])

    def work() -> None:
        if error := next(outcomes):
            raise error

    run = LoggedRun("work", Job(work, 1.0), job_log)
    for _ in range(3):
        run()
    (failing,) = job_log.all()
    assert (failing["failed_in_a_row"], failing["error"]) == (3, "ValueError: third")
    assert failing["succeeded_seconds_ago"] is None
    assert "the clock's job work has failed 3 times in a row" in monitor.health().reasons

    run()
    (well,) = job_log.all()
    assert (well["failed_in_a_row"], well["error"], well["running"]) == (0, None, False)


def test_a_job_runs_even_where_its_run_can_not_be_written_down(pool: Pool) -> None:
    pool.close()
    done: list[int] = []
    nowhere = Pool("postgresql://127.0.0.1:1/none")

    LoggedRun("work", Job(lambda: done.append(1), 1.0), JobLog(nowhere))()

    assert done == [1]
