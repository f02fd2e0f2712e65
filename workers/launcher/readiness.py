"""Waiting until the service answers."""

from __future__ import annotations

import http.client
import time

from workers.launcher.supervisor import Supervisor

#: How long the web process may take to be ready, in seconds.
DEADLINE = 60.0


class NotReady(Exception):
    """The web process runs but does not get ready."""


def wait_until_ready(supervisor: Supervisor, host: str, port: int) -> None:
    """Return as soon as ``GET /health/ready`` is 200. Raises NotReady, and what *supervisor* raises."""
    deadline = time.monotonic() + DEADLINE
    while (answer := _ask(host, port)) != "200":
        if time.monotonic() > deadline:
            raise NotReady(f"web was not ready after {DEADLINE:.0f} s; GET /health/ready: {answer}")
        supervisor.pause(0.1)


def _ask(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
