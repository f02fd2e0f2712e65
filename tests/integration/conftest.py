"""What all tests on real servers have in common."""

from __future__ import annotations

import pytest

from domain.cache import guard, loading


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that runs all tests at once is slower than any Redis, and only some tests are about a slow one."""
    if request.node.get_closest_marker("slow_redis") is None:
        monkeypatch.setattr(guard, "SLOW", 10.0)
        monkeypatch.setattr(loading, "SLOW", 10.0)
