"""What a worker does when it is told that there may be news."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from domain.read.progress import Progress
from workers import actors


class Hints:
    """HintSender that keeps in mind what was sent; *wait* are the shards of whoever takes next."""

    def __init__(self) -> None:
        self.wait: list[int] = []
        self.sent: list[int] = []
        self.alone: list[int] = []

    def take(self, shard: int, most: int) -> list[int]:
        taken, self.wait = self.wait[:most], self.wait[most:]
        return [shard, *taken]

    def send(self, shard: int) -> None:
        self.sent.append(shard)

    def send_alone(self, shard: int, _actor: str = "project") -> None:
        self.alone.append(shard)

    def clear(self, shard: int, actor: str) -> None:
        pass


class Engine:
    """ProjectionEngine that keeps in mind what it folded, and does as *progress* says."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.turns: list[int] = []
        self.progress: dict[int, Progress | None] = {}
        self.folding = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def run_together(self, shards: Collection[int]) -> dict[int, Progress]:
        self.rounds.append([*shards])
        self.folding.set()
        assert self.may_end.wait(10)
        found = {shard: self.progress.get(shard, Progress(1)) for shard in shards}
        return {shard: each for shard, each in found.items() if each is not None}

    def catch_up(self, shard: int, **_: float) -> Progress:
        self.turns.append(shard)
        return self.progress.get(shard) or Progress(1)


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> Hints:
    hints = Hints()
    monkeypatch.setattr(actors.wiring, "hints", hints, raising=False)
    return hints


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(actors.wiring, "engine", engine, raising=False)
    return engine


def project(*arguments: Any) -> None:
    actors.project.fn(*arguments)


def test_all_that_wait_are_folded_with_the_shard_of_the_message(hints: Hints, engine: Engine) -> None:
    hints.wait = [3, 250]

    project(17)

    assert (engine.rounds, engine.turns, hints.sent, hints.alone) == ([[17, 3, 250]], [], [], [])


def test_those_that_need_it_have_a_turn_of_their_own_which_nobody_waits_for(hints: Hints, engine: Engine) -> None:
    hints.wait = [1, 2, 3]
    engine.progress = {1: None, 2: Progress(100, behind=True)}

    project(17)

    assert (hints.alone, engine.turns) == ([1, 2], [])
    project(1, True)
    assert (engine.turns, len(engine.rounds)) == ([1], 1)


@pytest.mark.parametrize("progress", [Progress(busy=True), Progress(1, behind=True)])
def test_a_turn_of_its_own_that_did_not_end_goes_on_in_another(
    progress: Progress, hints: Hints, engine: Engine
) -> None:
    engine.progress[17] = progress

    project(17, True)

    assert (hints.alone, hints.sent) == ([17], [])


def test_no_more_are_folded_together_than_is_good_and_the_rest_has_a_hint(hints: Hints, engine: Engine) -> None:
    hints.wait = [*range(100, 140)]

    project(17)

    assert engine.rounds == [[17, *range(100, 131)]]
    assert (hints.sent, hints.wait) == ([131], [*range(132, 140)])


@pytest.mark.parametrize(("took", "rests"), [(0.01, 0.01), (0.05, 0.02)])
def test_a_worker_rests_as_long_as_it_has_worked_but_not_for_long(
    took: float, rests: float, hints: Hints, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([100.0, 100.0 + took])
    rested: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: next(times), sleep=rested.append)
    monkeypatch.setattr(actors, "time", clock)

    project(17)

    assert rested == [pytest.approx(rests)]


def test_a_worker_does_not_rest_while_more_shards_wait_than_it_could_take(
    hints: Hints, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[float] = []
    monkeypatch.setattr(actors, "time", SimpleNamespace(monotonic=time.monotonic, sleep=rested.append))
    hints.wait = [*range(100, 140)]

    project(17)

    assert rested == []


def test_what_comes_while_one_is_at_it_gathers_for_the_next(hints: Hints, engine: Engine) -> None:
    engine.may_end.clear()
    threads = [threading.Thread(target=project, args=(shard,)) for shard in (17, 18)]
    threads[0].start()
    assert engine.folding.wait(10)
    threads[1].start()
    time.sleep(0.05)
    hints.wait = [1, 2]
    engine.may_end.set()
    for thread in threads:
        thread.join(10)

    assert engine.rounds == [[17], [18, 1, 2]]


def test_a_worker_without_such_projections_does_nothing(hints: Hints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors.wiring, "engine", None, raising=False)

    project(17)

    assert (hints.sent, hints.alone) == ([], [])
