"""The clock's samples for the last hour's history."""

from __future__ import annotations

from domain.read.errors import is_transient
from domain.read.watch.monitor import Monitor
from domain.telemetry.history import Lags
from domain.telemetry.telemetry import Telemetry


class Sampling:
    """Writes down what all processes have counted up to now, and how far the projections are behind."""

    def __init__(self, telemetry: Telemetry, monitor: Monitor) -> None:
        self._telemetry = telemetry
        self._monitor = monitor

    def __call__(self) -> None:
        self._telemetry.sample(self._lags())

    def _lags(self) -> Lags:
        try:
            return self._monitor.lags()
        except Exception as error:
            # The rest is known without a database.
            if is_transient(error):
                return {}
            raise
