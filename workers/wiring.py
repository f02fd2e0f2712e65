"""The parts that a worker process works with."""

from __future__ import annotations

import signal
import sys

import dramatiq
import structlog

from domain import logs, tracing
from domain.bootstrap import Container, bootstrap
from domain.garbage import collect_rarely
from domain.read.engine import ProjectionEngine
from domain.read.rebuild.rebuilder import Rebuilder
from domain.read.watch.processes import Processes, Pulse
from domain.settings import Settings, SettingsError
from workers.echoes import ignore_echoes
from workers.hints import HintSender

log = structlog.get_logger(__name__)

#: After how many milliseconds an idle thread sees that the worker is to stop. Dramatiq's own second is long for that.
_IDLE_POLL = 100


class Wiring(dramatiq.Middleware):
    """Wires the parts when a worker process starts and closes them when it ends."""

    hints: HintSender
    engine: ProjectionEngine | None
    batch_engine: ProjectionEngine | None
    rebuilder: Rebuilder
    _container: Container
    _pulse: Pulse

    def after_process_boot(self, _broker: dramatiq.Broker) -> None:
        try:
            settings = Settings.from_environment()
            self._container = bootstrap(settings)
        except SettingsError as error:
            sys.exit(str(error))
        logs.configure(settings)
        tracing.configure(settings, "worker")
        self._container.telemetry.kind = "worker"
        self.hints = HintSender(settings.redis_url, self._container.counters)
        # Made here, since the threads that share them would make them at the same time.
        self.engine, self.batch_engine = self._container.worker_engine, self._container.batch_engine
        self.rebuilder = self._container.rebuilder
        self._pulse = Pulse(Processes(self._container.read_pool), "worker")

    def before_worker_boot(self, _broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        worker.worker_timeout = min(worker.worker_timeout, _IDLE_POLL)

    def after_worker_boot(self, _broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        ignore_echoes(signal.SIGTERM)
        self._pulse.start()
        self._container.telemetry.start()
        collect_rarely()
        log.info("The worker is ready.", threads=worker.worker_threads)

    def after_worker_shutdown(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        log.info("The worker has stopped.")
        self._pulse.stop()
        self._container.close()
        self.hints.close()
        tracing.shutdown()
