"""The processes that fold and watch, and what they send each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workers.hints import HintSender


@pytest.fixture
def hints(redis_url: str) -> Iterator[HintSender]:
    sender = HintSender(redis_url)
    yield sender
    sender.close()
