"""The news of several shards are folded in one transaction, as long as nothing about them is out of the ordinary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.invalidation import InvalidationLag
from domain.read.progress import Progress
from domain.read.projections import PROJECTIONS
from domain.read.rewrites import Rewrites
from domain.read.row_store import execute
from domain.read.switch import ProjectionSwitch
from tests.integration.read import poison
from tests.integration.read.conftest import folded_in_memory, rows_in
from tests.integration.read.engines import catch_up, engine_on
from tests.integration.read.poison import parked
from tests.integration.read.test_engine import checkpoints
from tests.integration.read.test_invalidation import Deadly, Heard, Killed
from tests.integration.read.test_invalidation import engine_on as telling
from tests.story import Story, random_story


@pytest.fixture
def tenants(story: Story, engine_pool: Pool) -> list[str]:
    """Tenants on shards of their own, whose first events are folded, with news: two events each."""
    tenants: list[str] = []
    while len(tenants) < 4:
        tenant = story.new_id()
        if shard_of(tenant) not in map(shard_of, tenants):
            quotas = {"users": 1000, "workspaces": 500}
            story.happens("tenant.created", tenant, tenant, name="Acme", slug="acme", plan="custom", quotas=quotas)
            tenants.append(tenant)
    catch_up(engine_on(engine_pool, story), story)
    for tenant in tenants:
        story.user(tenant)
    return tenants


def transactions(pool: Pool) -> set[str]:
    """Those that have moved a checkpoint last."""
    with pool.cursor() as cursor:
        cursor.execute("SELECT DISTINCT xmin::text FROM read_schema.projection_checkpoints")
        return {transaction for (transaction,) in cursor.fetchall()}


def own(checkpoints: dict[tuple[int, str], int], shard: int) -> dict[str, int]:
    return {name: position for (of, name), position in checkpoints.items() if of == shard}


def test_the_news_of_several_shards_are_folded_in_one_transaction(
    engine_pool: Pool, story: Story, tenants: list[str]
) -> None:
    moved: list[int] = []
    engine = ProjectionEngine(engine_pool, story, PROJECTIONS, announce=moved.extend)
    shards = [shard_of(tenant) for tenant in tenants]

    assert engine.run_together(shards) == dict.fromkeys(shards, Progress(applied=2))

    assert rows_in(engine_pool) == folded_in_memory(story)
    assert checkpoints(engine_pool) == {(shard, each.name): 3 for shard in shards for each in PROJECTIONS}
    assert len(transactions(engine_pool)) == 1
    assert sorted(moved) == sorted(shards)
    assert engine.run_together(shards) == dict.fromkeys(shards, Progress())
    assert len(moved) == 4


def test_new_shards_are_folded_with_the_others(engine_pool: Pool, story: Story, tenants: list[str]) -> None:
    with engine_pool.cursor() as cursor:
        cursor.execute(
            "TRUNCATE "
            + ", ".join(f"read_schema.{table}" for table in ("projection_checkpoints", *rows_in(engine_pool)))
        )
    shards = [shard_of(tenant) for tenant in tenants]
    engine_on(engine_pool, story).run(shards[0])

    assert engine_on(engine_pool, story).run_together([*shards, 99]) == {
        shards[0]: Progress(), **dict.fromkeys(shards[1:], Progress(applied=3)), 99: Progress()
    }  # fmt: skip
    assert rows_in(engine_pool) == folded_in_memory(story)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_rows_are_those_of_a_plain_fold_whichever_way_each_event_goes(engine_pool: Pool, batch_size: int) -> None:
    whole = random_story(seed=batch_size, length=300, tenants=6)
    log, engine = Story(), None
    engine = engine_on(engine_pool, log, batch_size)
    chance = whole.random
    while whole.heads() != log.heads() or engine.lagging_shards():
        for shard, events in whole.events.items():
            so_far = log.head(shard)
            log.events[shard] += events[so_far : so_far + chance.randrange(5)]
        engine.run_together([shard for shard in log.heads() if chance.random() < 0.8])
        engine.run(chance.choice([*whole.heads()]))

    assert rows_in(engine_pool) == folded_in_memory(whole)


def test_a_shard_of_which_as_much_was_read_as_may_be_is_still_behind(
    engine_pool: Pool, story: Story, tenants: list[str]
) -> None:
    story.user(tenants[0])

    progress = engine_on(engine_pool, story, batch_size=3).run_together([shard_of(tenant) for tenant in tenants[:2]])

    assert progress == {
        shard_of(tenants[0]): Progress(applied=3, behind=True), shard_of(tenants[1]): Progress(applied=2)
    }  # fmt: skip


def _busy(pool: Pool, _story: Story, shard: int, only: str = "%") -> Callable[[], object]:
    held = pool.transaction()
    held.__enter__().execute(
        "SELECT FROM read_schema.projection_checkpoints WHERE shard = %s AND projection LIKE %s FOR UPDATE",
        (shard, only),
    )
    return lambda: held.__exit__(None, None, None)


def _busy_with_one(pool: Pool, story: Story, shard: int) -> Callable[[], object]:
    return _busy(pool, story, shard, "users")


def _uneven(pool: Pool, story: Story, shard: int) -> None:
    one = [each for each in PROJECTIONS if each.name == "users"]
    ProjectionEngine(pool, story, one).run(shard)


def _parked(pool: Pool, story: Story, shard: int) -> None:
    poison.constraint(story, shard)
    engine_on(pool, story).run(shard)


def _diverged(_pool: Pool, story: Story, shard: int) -> None:
    story.events[shard][0] = story.events[shard][0]._replace(event_id=story.new_id())


def _cut_off(_pool: Pool, story: Story, shard: int) -> None:
    del story.events[shard][:]


@pytest.mark.parametrize("what", [_busy, _busy_with_one, _uneven, _parked, _diverged, _cut_off])
def test_a_shard_that_needs_a_turn_of_its_own_is_left_out_and_holds_up_no_other(
    what: Callable[[Pool, Story, int], Callable[[], object] | None],
    engine_pool: Pool, story: Story, tenants: list[str],
) -> None:  # fmt: skip
    one, *others = (shard_of(tenant) for tenant in tenants)
    undo = what(engine_pool, story, one)
    before = own(checkpoints(engine_pool), one)

    progress = engine_on(engine_pool, story).run_together([one, *others])

    if undo is not None:
        undo()
    after = checkpoints(engine_pool)
    assert progress == dict.fromkeys(others, Progress(applied=2))
    assert own(after, one) == before
    assert {after[shard, each.name] for shard in others for each in PROJECTIONS} == {3}


def test_while_a_projection_is_paused_each_shard_has_a_turn_of_its_own(
    engine_pool: Pool, story: Story, tenants: list[str]
) -> None:
    switch = ProjectionSwitch(engine_pool, ["users"])
    switch.pause("users", "a test", "a test")
    engine = engine_on(engine_pool, story)

    assert engine.run_together([shard_of(tenant) for tenant in tenants]) == {}

    catch_up(engine, story)
    switch.resume("users", "a test", "a test")
    catch_up(engine, story)
    assert rows_in(engine_pool) == folded_in_memory(story)


@pytest.mark.parametrize("kind", poison.KINDS)
def test_what_can_t_be_folded_keeps_all_as_it_was_and_then_its_own_shard_alone(
    kind: poison.Poison, engine_pool: Pool, database_url: str, story: Story, tenants: list[str]
) -> None:
    poison.limit_names(database_url)
    bad = kind(story, shard_of(tenants[0]))
    engine = engine_on(engine_pool, story)
    shards = [shard_of(tenant) for tenant in tenants]
    before = rows_in(engine_pool), checkpoints(engine_pool)

    assert engine.run_together(shards) == {}
    assert (rows_in(engine_pool), checkpoints(engine_pool)) == before

    catch_up(engine, story)
    held = {key: each["version"] for key, each in parked(engine_pool).items()}
    assert ("users", bad.aggregate_id) in held
    assert rows_in(engine_pool) == poison.sequential_fold(story, held)
    for tenant in tenants:
        story.user(tenant)
    assert set(engine.run_together(shards)) == set(shards[1:])


def test_a_shard_on_which_a_statement_took_too_long_has_a_turn_of_its_own(
    engine_pool: Pool, story: Story, tenants: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_on(engine_pool, story)
    monkeypatch.setitem(engine._timed_out, shard_of(tenants[0]), 1)

    progress = engine.run_together([shard_of(tenant) for tenant in tenants])

    assert set(progress) == {shard_of(tenant) for tenant in tenants[1:]}


def test_the_cache_is_told_of_all_at_once(engine_pool: Pool, story: Story, tenants: list[str]) -> None:
    heard = Heard()
    engine = telling(engine_pool, story, heard)

    engine.run_together([shard_of(tenant) for tenant in tenants])

    assert heard.calls == 1
    told = {(event.shard, event.position) for event in heard.events}
    assert told == {(shard_of(tenant), position) for tenant in tenants for position in (2, 3)}
    assert marks(engine_pool) == {(3, 3, False)}
    assert InvalidationLag(engine_pool).seconds() == 0


def test_the_rows_are_committed_before_the_cache_hears(engine_pool: Pool, story: Story, tenants: list[str]) -> None:
    seen: list[dict[tuple[int, str], int]] = []

    class Looking(Heard):
        def invalidate(self, events: Sequence[RecordedEvent]) -> None:
            super().invalidate(events)
            seen.append(checkpoints(engine_pool))

    telling(engine_pool, story, Looking()).run_together([shard_of(tenant) for tenant in tenants])

    assert [set(each.values()) for each in seen] == [{3}]


def test_with_the_cache_out_of_reach_what_was_not_told_is_told_in_turns_of_their_own(
    engine_pool: Pool, story: Story, tenants: list[str]
) -> None:
    heard = Heard()
    heard.down = True
    shards = [shard_of(tenant) for tenant in tenants]

    assert set(telling(engine_pool, story, heard).run_together(shards)) == set(shards)

    assert marks(engine_pool) == {(3, 1, True)}
    assert InvalidationLag(engine_pool).seconds() > 0
    heard.down = False
    engine = telling(engine_pool, story, heard)
    assert engine.run_together(shards) == {}
    catch_up(engine, story)
    assert {event.position for event in heard.events} == {2, 3}
    assert marks(engine_pool) == {(3, 3, False)}


def test_a_worker_that_died_before_it_told_is_made_up_for(engine_pool: Pool, story: Story, tenants: list[str]) -> None:
    with pytest.raises(Killed):
        telling(engine_pool, story, Deadly()).run_together([shard_of(tenant) for tenant in tenants])
    pending = marks(engine_pool)
    heard = Heard()

    catch_up(telling(engine_pool, story, heard), story)

    assert pending == {(3, 1, True)}
    assert {(event.shard, event.position) for event in heard.events} == {
        (shard_of(tenant), position) for tenant in tenants for position in (2, 3)
    }
    assert marks(engine_pool) == {(3, 3, False)}


def test_a_shard_with_rows_changed_behind_the_checkpoint_has_a_turn_of_its_own(
    engine_pool: Pool, story: Story, tenants: list[str]
) -> None:
    one, *others = (shard_of(tenant) for tenant in tenants)
    with engine_pool.cursor() as cursor:
        execute(cursor, [Rewrites("read_schema").add("users", tenants[0], story.events[one][1].aggregate_id, one, 1)])

    assert set(telling(engine_pool, story, Heard()).run_together([one, *others])) == set(others)


def marks(pool: Pool) -> set[tuple[int, int, bool]]:
    """How far it is folded and the cache has heard by the checkpoints, and whether something is pending."""
    with pool.cursor() as cursor:
        cursor.execute(
            "SELECT position, invalidated_position, pending_since IS NOT NULL FROM read_schema.projection_checkpoints"
        )
        return set(cursor.fetchall())
