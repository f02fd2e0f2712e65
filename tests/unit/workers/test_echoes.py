"""A process that is asked to stop twice at once is asked once; one that is asked again is killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from workers import echoes


@pytest.fixture
def heard() -> Iterator[list[int]]:
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
    echoes.ignore_echoes(signal.SIGUSR1)
    yield received
    signal.signal(signal.SIGUSR1, before)


def test_two_signals_at_once_are_one(heard: list[int]):
    for _ in range(3):
        signal.raise_signal(signal.SIGUSR1)

    assert heard == [signal.SIGUSR1]


def test_a_later_signal_is_heard(heard: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(echoes, "_ECHO", -1.0)

    for _ in range(2):
        signal.raise_signal(signal.SIGUSR1)

    assert heard == [signal.SIGUSR1] * 2
