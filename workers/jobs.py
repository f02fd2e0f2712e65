"""The jobs of the clock: what each does, and how often."""

from __future__ import annotations

from domain.bootstrap import Container
from workers.checkpoint_watch import CheckpointWatch
from workers.forgetting import Forgetting
from workers.hints import HintSender
from workers.job import Job
from workers.rebuilding import Rebuilding
from workers.sweep import Sweep

#: Seconds between two looks for shards that no hint has told about: what a lost hint costs at most.
_SWEEP = 1.0

#: Seconds between two looks at the checkpoints, and between two clean-ups.
_WATCH, _CLEAN_UP = 5.0, 600.0


def jobs(container: Container, hints: HintSender) -> dict[str, Job]:
    """Return the jobs by name."""
    found = {
        "checkpoints": Job(CheckpointWatch(container.monitor, container.read_pool), _WATCH),
        "clean-up": Job(Forgetting(container.event_store), _CLEAN_UP),
        "rebuilds": Job(Rebuilding(container.rebuilder, hints), _SWEEP),
    }
    if container.worker_engine is not None:
        found["sweep"] = Job(Sweep(container.worker_engine, hints), _SWEEP)
    if container.batch_engine is not None:
        tick = Sweep(container.batch_engine, hints, "project_batch")
        found["batch"] = Job(tick, container.settings.projection_batch_interval)
    return found
