"""A started process looks for garbage rarely, and finds it nevertheless."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from domain.garbage import collect_rarely


class Knot:
    """It holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def rarely() -> Iterator[None]:
    before = gc.get_threshold()
    collect_rarely()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("rarely")
def test_many_objects_are_made_before_it_looks() -> None:
    runs = gc.get_stats()[0]["collections"]
    kept = [[number] for number in range(10_000)]

    assert gc.get_stats()[0]["collections"] - runs <= 1
    assert len(kept) == 10_000


@pytest.mark.usefixtures("rarely")
def test_what_was_there_at_the_start_is_not_looked_at() -> None:
    assert gc.get_freeze_count() > 10_000


@pytest.mark.usefixtures("rarely")
def test_garbage_that_holds_itself_goes_nevertheless() -> None:
    knot = weakref.ref(Knot())

    kept = [[number] for number in range(50_000)]

    assert knot() is None
    assert len(kept) == 50_000
