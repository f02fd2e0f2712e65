"""Rebuilds in the words of the tests."""

from __future__ import annotations

from typing import Any

from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.invalidation import Invalidator, NullInvalidator
from domain.read.projections import PROJECTIONS
from domain.read.rebuild.rebuilder import Rebuilder
from tests.integration.read.rows import rows_in
from tests.story import Story

_NOBODY = NullInvalidator()


class House:
    """The read side of a story, with an engine that follows it and a rebuilder."""

    def __init__(self, pool: Pool, story: Story, invalidator: Invalidator = _NOBODY) -> None:
        self.pool, self.story = pool, story
        self.engine = ProjectionEngine(pool, story, PROJECTIONS, invalidator=invalidator)
        self.told: list[str] = []
        self.rebuilder = Rebuilder(pool, story, PROJECTIONS, on_cut_over=self.told.append)

    def project(self) -> None:
        for shard in self.story.heads():
            self.engine.catch_up(shard, seconds=60)

    def rebuild(self, projection: str, **options: Any) -> dict[str, Any]:
        """Rebuild *projection* to its end; return how it went."""
        self.rebuilder.start(projection, **options)
        return self.finish(projection)

    def finish(self, projection: str) -> dict[str, Any]:
        while self.rebuilder.drive(projection, seconds=5):
            pass
        return self.rebuilder.progress(projection)

    def state(self, projection: str) -> str:
        return str(self.rebuilder.progress(projection)["state"])

    def reach(self, projection: str, state: str) -> None:
        """Drive a rebuild on, step by step, until it is in *state*."""
        for _ in range(50):
            if self.state(projection) == state:
                return
            self.rebuilder.drive(projection, seconds=0)
        raise AssertionError(f"{self.state(projection)} is as far as it gets")

    def rows(self) -> dict[str, Any]:
        return rows_in(self.pool)

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.pool.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def schemas(self) -> set[str]:
        """The schemas that rebuilds have left."""
        return {name for (name,) in self.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^read_schema_'")}
