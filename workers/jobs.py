"""The jobs of the clock: what each does, and how often."""

from __future__ import annotations

from domain.bootstrap import Container
from domain.read.watch.processes import Processes
from domain.telemetry.history import INTERVAL
from workers.checkpoint_watch import CheckpointWatch
from workers.forgetting import Forgetting
from workers.hints import HintSender
from workers.job import Job
from workers.rebuilding import Rebuilding
from workers.sampling import Sampling
from workers.sweep import Sweep
from workers.warming import Warming

#: Seconds between two looks for shards that no hint has told about: what a lost hint costs at most.
_SWEEP = 1.0

#: Seconds between two looks for what is due again, at the checkpoints, and at the rows themselves.
_RETRY, _WATCH, _VERIFY = 1.0, 5.0, 60.0

#: Seconds between two clean-ups.
_CLEAN_UP = 600.0

#: How many aggregates of each projection are verified in a run.
_SAMPLE = 20


def jobs(container: Container, hints: HintSender) -> dict[str, Job]:
    """Return the jobs by name."""
    found = {
        "checkpoints": Job(CheckpointWatch(container.monitor, container.read_pool), _WATCH),
        "verify": Job(lambda: container.verifier.sample(_SAMPLE), _VERIFY),
        "clean-up": Job(Forgetting(container.event_store), _CLEAN_UP),
        "history": Job(Sampling(container.telemetry, container.monitor), INTERVAL),
        "rebuilds": Job(Rebuilding(container.rebuilder, Processes(container.read_pool), hints), _SWEEP),
    }
    caching, settings = container.caching, container.settings
    warming = Warming(caching.warm_ups, caching.hot, caching.stats)
    found["warm-up"] = Job(warming.run, _SWEEP)
    found["warm-up-schedule"] = Job(warming.schedule, settings.cache_warmup_interval)
    if caching.edge_purges is not None:
        found["edge-purges"] = Job(caching.edge_purges, _SWEEP)
    if (engine := container.worker_engine) is not None:
        found["sweep"] = Job(Sweep(engine.lagging_shards, engine, hints, "project"), _SWEEP)
        found["retries"] = Job(Sweep(engine.due_shards, engine, hints, "project"), _RETRY)
    if (batch := container.batch_engine) is not None:
        tick = container.settings.projection_batch_interval
        found["batch"] = Job(Sweep(batch.lagging_shards, batch, hints, "project_batch"), tick)
        found["batch-retries"] = Job(Sweep(batch.due_shards, batch, hints, "project_batch"), _RETRY)
    return found
