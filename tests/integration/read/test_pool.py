"""Connections stay open as long as no more are asked for at a time than a process has threads, and answer."""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from domain.postgres.pool import Pool

PROCFILE = Path(__file__).parents[3] / "Procfile"


def sessions(pool: Pool, count: int) -> set[int]:
    """Use so many connections at once, and say which."""
    with ExitStack() as lent:
        cursors = [lent.enter_context(pool.cursor()) for _ in range(count)]
        return {cursor.connection.info.backend_pid for cursor in cursors}


def test_a_web_process_that_is_busy_opens_no_connection_anew(database_url: str) -> None:
    threads = re.search(r"^web: .*--blocking-threads (\d+)", PROCFILE.read_text(), re.MULTILINE)
    assert threads is not None
    pool = Pool(database_url)

    at_first = sessions(pool, int(threads[1]))

    assert len(at_first) == int(threads[1])
    assert sessions(pool, int(threads[1])) == at_first
    pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such option")
def test_a_connection_to_a_host_that_has_gone_is_given_up_within_seconds(database_url: str) -> None:
    pool = Pool(database_url)

    with pool.cursor() as cursor, closing(socket.socket(fileno=os.dup(cursor.connection.fileno()))) as connected:
        milliseconds = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert milliseconds == 10_000
    pool.close()
