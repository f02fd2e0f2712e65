"""What is counted beside the cache: the first part of the counters' names. What the second and third are is said here.

Of a time, the third part is a bucket (see domain.telemetry.histogram) or the microseconds of all of them.
"""

from __future__ import annotations

#: A time by ``query/level``: how long an answer took to be found, and whether ``l1``, ``l2`` or ``load`` had it.
QUERY = "query"

#: A time by ``Command/outcome``. Outcomes: ``done``, ``replayed`` (its Idempotency-Key had been answered),
#: ``refused`` (by a rule), ``conflict`` (somebody else was first), ``failed`` (the fault is ours).
COMMAND = "command"

#: A time without buckets by ``METHOD /route/class``, where the class is that of the status: ``2xx``.
HTTP = "http"

#: ``events/appended``.
LOG = "log"

#: By projection: ``events``, ``batches``, ``parked``, ``failed_again``, ``dead``, ``released``, ``paused``,
#: ``trial_failed`` (it stays paused).
FOLD = "fold"

#: A time by ``batch``: how long one transaction of the engine took, all its projections together.
BATCH = "batch"

#: A time by outcome: how long a query waited for its Min-Position. ``reached``, ``late``, ``refused``.
WAIT = "wait"

#: By actor: ``sent``, ``spared`` (one was waiting), ``lost``, ``taken`` (by a worker).
HINT = "hint"

#: A time without buckets by ``job/outcome``, of the clock: ``done``, ``failed``.
JOB = "job"

#: By pool: the kinds of domain.postgres.failure_class.
DATABASE = "database"

#: ``refused``, by reason.
TOKEN = "token"  # noqa: S105 - The name of a counter.
