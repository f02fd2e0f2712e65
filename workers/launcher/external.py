"""The servers that somebody else runs: are they there?"""

from __future__ import annotations

import psycopg2
import redis

from domain import redis_servers


class Unreachable(Exception):
    """A server that the environment names does not answer."""


def check_postgres(url: str) -> None:
    """Raise Unreachable unless a connection to *url* can be opened."""
    try:
        psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://", 1), connect_timeout=10).close()
    except psycopg2.OperationalError as error:
        raise Unreachable(f"DATABASE_URL can't be used: {_one_line(error)}") from error


def check_redis(url: str) -> None:
    """Raise Unreachable unless *url* answers a PING."""
    try:
        with redis_servers.connect(url, socket_timeout=10, socket_connect_timeout=10) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise Unreachable(f"REDIS_URL can't be used: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
