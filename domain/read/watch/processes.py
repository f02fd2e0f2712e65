"""Which workers and clocks live. It is written down in the read database, so it can be told while Redis is down."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from typing import Literal, NamedTuple
from uuid import uuid4

import structlog

from domain.postgres.pool import Pool

log = structlog.get_logger(__name__)

Kind = Literal["worker", "clock"]

#: Seconds between two beats of a process, and after how many without one it is taken for dead or frozen.
BEAT, DEAD = 3.0, 12.0

#: Seconds after which a process that ended without saying so is forgotten.
_FORGOTTEN = 3600

_BEAT = """
INSERT INTO read_schema.processes (id, kind, host, pid, leads, started_at, seen_at)
VALUES (%s, %s, %s, %s, %s, clock_timestamp(), clock_timestamp())
ON CONFLICT (id) DO UPDATE SET leads = excluded.leads, seen_at = excluded.seen_at
"""


class Process(NamedTuple):
    """A process that lives. ``leads``: it is the clock that works."""

    kind: Kind
    host: str
    pid: int
    leads: bool
    up_seconds: float


class Processes:
    """The table of processes. Raises what psycopg2 raises."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def beat(self, id: str, kind: Kind, leads: bool) -> None:
        """Write down that this process, *id*, lives."""
        with self._pool.cursor() as cursor:
            cursor.execute(_BEAT, (id, kind, socket.gethostname(), os.getpid(), leads))

    def leave(self, id: str) -> None:
        """Strike out the process *id*, and those that died long ago."""
        with self._pool.cursor() as cursor:
            cursor.execute(
                "DELETE FROM read_schema.processes "
                "WHERE id = %s OR seen_at < clock_timestamp() - make_interval(secs => %s)",
                (id, _FORGOTTEN),
            )

    def alive(self) -> list[Process]:
        """Return the processes that have beaten lately, the oldest first."""
        with self._pool.cursor() as cursor:
            cursor.execute(
                "SELECT kind, host, pid, leads, extract(epoch FROM clock_timestamp() - started_at)::float "
                "FROM read_schema.processes WHERE seen_at > clock_timestamp() - make_interval(secs => %s) "
                "ORDER BY started_at",
                (DEAD,),
            )
            return [Process._make(row) for row in cursor.fetchall()]


class Pulse:
    """Beats on a thread of its own from start() to stop()."""

    def __init__(self, processes: Processes, kind: Kind, leads: Callable[[], bool] = lambda: False) -> None:
        self._processes = processes
        self._kind: Kind = kind
        self._leads = leads
        self._id = str(uuid4())
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop beating, and strike this process out at once instead of letting it be missed."""
        self._ends.set()
        self._thread.join(BEAT)
        self._guarded(lambda: self._processes.leave(self._id))

    def _run(self) -> None:
        while True:
            self._guarded(lambda: self._processes.beat(self._id, self._kind, self._leads()))
            if self._ends.wait(BEAT):
                return

    def _guarded(self, action: Callable[[], None]) -> None:
        # Whatever is wrong with the database, the process itself lives and tries again.
        try:
            action()
        except Exception as error:
            log.warning("The pulse can't be written down.", error=type(error).__name__, reason=str(error).strip())
