"""PostgreSQL sessions that end in the middle of what they do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

#: Whose sessions are cut off: those of commands, of queries, of engines and of the clock.
_CUT = ("cqrs commands", "cqrs queries", "cqrs projections", "cqrs clock")


@contextmanager
def cutting(url: str, every: float) -> Iterator[list[int]]:
    """Cut off the session of one of ours at random, again and again, and count."""
    stop, cuts = threading.Event(), [0]

    def cut() -> None:
        connection = psycopg2.connect(url, application_name="cutter")
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.wait(every):
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name = ANY(%s) ORDER BY random() LIMIT 1) one",
                    (list(_CUT),),
                )
                cuts[0] += (cursor.fetchone() or (0,))[0]
        connection.close()

    thread = threading.Thread(target=cut)
    thread.start()
    yield cuts
    stop.set()
    thread.join()
