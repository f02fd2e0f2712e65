from __future__ import annotations

import pytest

from domain.bootstrap import bootstrap
from domain.settings import Settings, SettingsError
from domain.variables import Strategies

REQUIRED = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h", "JWT_SECRET": "x" * 32}


def strategies(text: str) -> Strategies:
    return Settings.from_environment(REQUIRED | {"PROJECTION_STRATEGY": text}).projection_strategy


@pytest.mark.parametrize(
    ("text", "users", "tenant_summaries"),
    [
        ("", "async", "async"),
        ("sync", "sync", "sync"),
        ("async,tenant_summaries=batch", "async", "batch"),
        ("tenant_summaries=batch", "async", "batch"),
        (" users = SYNC , Batch ", "sync", "batch"),
        ("users=sync, batch", "sync", "batch"),
    ],
)
def test_each_projection_has_the_usual_strategy_or_its_own(text: str, users: str, tenant_summaries: str) -> None:
    found = strategies(text)

    assert (found.of("users"), found.of("tenant_summaries")) == (users, tenant_summaries)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("fast", "a list like async,tenant_summaries=batch is needed"),
        ("async,", "a list like"),
        ("users=", "a list like"),
        ("=sync", "a list like"),
        ("async,batch", "only one strategy can be the usual one"),
        ("users=sync,users=batch", "each projection can be named once"),
    ],
)
def test_what_is_no_strategy_is_refused_at_start_in_one_line(text: str, fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        strategies(text)

    (line,) = refused.value.faults
    assert line.startswith(f"PROJECTION_STRATEGY: {fault}")


def test_a_strategy_for_a_projection_that_there_is_not_is_refused_at_start() -> None:
    settings = Settings.from_environment(REQUIRED | {"PROJECTION_STRATEGY": "async,summaries=batch"})

    with pytest.raises(SettingsError, match="there is no projection summaries; there are users, workspaces"):
        bootstrap(settings)


def test_the_engines_share_the_projections_by_strategy() -> None:
    settings = Settings.from_environment(REQUIRED | {"PROJECTION_STRATEGY": "users=sync,tenant_summaries=batch"})
    container = bootstrap(settings)

    def names(engine) -> set[str]:
        return set(engine._projections)

    assert names(container.engine) == {"users", "workspaces", "tenant_summaries"}
    assert names(container.worker_engine) == {"users", "workspaces"}
    assert names(container.batch_engine) == {"tenant_summaries"}
    assert names(container.synchronous_fold._engine) == {"users"}


def test_where_no_projection_has_a_strategy_there_is_nothing_to_run_for_it() -> None:
    container = bootstrap(Settings.from_environment(REQUIRED))

    assert container.batch_engine is None
    assert container.synchronous_fold is None
