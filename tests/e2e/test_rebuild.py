"""A rebuild that the workers do by themselves, asked by the clock."""

from __future__ import annotations

import json
from pathlib import Path

from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.settings import Settings
from tests.e2e.comparison import assert_read_models_are_the_fold
from tests.e2e.fleet import SECRET, Fleet, wait_for
from tests.faults.storm import Storm


def test_a_rebuild_is_done_by_worker_and_clock(database_url: str, redis_url: str, tmp_path: Path):
    # Given rows that somebody has changed, and a worker and a clock
    settings = Settings.from_environment({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JWT_SECRET": SECRET})
    storm = Storm(settings)
    with storm:
        wait_for(lambda: storm.commands > 60, 30, "some commands")
    pool = Pool(database_url, settings=SESSION)
    with pool.cursor() as cursor:
        cursor.execute("UPDATE read_schema.workspace_projections SET name = 'changed'")
    with Fleet(database_url, redis_url, tmp_path) as fleet:
        fleet.start("worker")
        fleet.start("clock")

        # When a rebuild is begun
        begun = json.loads(fleet.flask("projections", "rebuild", "workspaces", "--compare", "--json").stdout)
        assert begun["running"]

        # Then it gets done, and the rows are right
        done = wait_for(
            lambda: not (progress := storm.container.rebuilder.progress("workspaces"))["running"] and progress,
            30,
            "the rebuild",
        )
        assert done["state"] == "done"
        assert done["comparison"]["different"] > 0
    pool.close()
    storm.close()
    assert_read_models_are_the_fold(database_url)
