"""The clock's part in keeping the cache warm."""

from __future__ import annotations

from collections.abc import Callable

from domain.cache.hot import Hot
from domain.cache.warm_ups import WarmUps


class Warming:
    """Runs the warm-ups that were asked for, and asks for one itself when it begins to lead and from time to time."""

    def __init__(self, warm_ups: WarmUps, hot: Hot, add_up: Callable[[], object]) -> None:
        """*add_up* adds up what the processes counted that are gone."""
        self._warm_ups = warm_ups
        self._hot = hot
        self._add_up = add_up

    def run(self) -> None:
        while self._warm_ups.drive():
            pass

    def schedule(self) -> None:
        self._add_up()
        self._hot.cool()
        if not self._warm_ups.waiting:
            self._warm_ups.ask("clock")
