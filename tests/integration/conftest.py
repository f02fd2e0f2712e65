"""What all tests on real servers have in common."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _patience(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("slow_redis") is None:
        request.getfixturevalue("patience")
