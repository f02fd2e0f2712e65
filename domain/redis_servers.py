"""What a Redis URL leads to: one server, the master that Sentinels name, or a cluster.

    redis://[user:password@]host:6379/0                          one server; rediss:// with TLS, unix:// by a socket
    redis+sentinel://[user:password@]host:26379,host:26379/name/0   the master of that name, as one of these says
    redis+cluster://[user:password@]host:6379,host:6379           the cluster that one of these belongs to

The last two have rediss+… too. Parameters behind a ``?`` are redis-py's; ``sentinel_username`` and
``sentinel_password`` are for the Sentinels where these ask for them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import redis
from redis.connection import parse_url
from redis.sentinel import Sentinel

Kind = Literal["server", "sentinel", "cluster"]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")

_NEEDED = "a URL like redis://user:password@host:6379/0 is needed"

_DATABASE = re.compile(r"/?[0-9]*/?")

#: Where each kind listens if its URL does not say.
_PORTS = {"sentinel": 26379, "cluster": 6379}


class RedisServers(NamedTuple):
    """A URL that was read. *hosts* are those that can be asked where the others are; *base* is the URL of one server
    with all but its address, and *name* that of the master."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    base: str
    name: str = ""
    asking: tuple[tuple[str, str], ...] = ()


@cache
def read(url: str) -> RedisServers:
    """Read *url*. Raises ValueError that says what is needed; it never repeats the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_NEEDED) from None
    if parts.scheme not in SCHEMES:
        raise ValueError("a URL that starts with redis://, rediss:// or unix:// is needed, or with redis+sentinel://")
    scheme, _, kind = parts.scheme.partition("+")
    if not kind:
        return RedisServers("server", (), _connectable(url))
    who, at, addresses = parts.netloc.rpartition("@")
    hosts = tuple(_address(text, _PORTS[kind]) for text in addresses.split(","))
    name, _, database = parts.path.strip("/").partition("/")
    parameters = dict(parse_qsl(parts.query))
    asking = tuple((each, parameters.pop(f"sentinel_{each}", "")) for each in ("username", "password"))
    query = f"?{urlencode(parameters)}" if parameters else ""
    if kind == "cluster":
        if name not in ("", "0"):
            raise ValueError("a cluster has no database but 0")
        return RedisServers("cluster", hosts, _connectable(f"{scheme}://{who}{at}localhost/0{query}"))
    if not name:
        raise ValueError("the name of the master is needed: redis+sentinel://host:26379,host:26379/name")
    base = _connectable(f"{scheme}://{who}{at}localhost/{database or 0}{query}")
    return RedisServers("sentinel", hosts, base, name, tuple(pair for pair in asking if pair[1]))


def unverified(url: str) -> str:
    """Return *url* with TLS that takes any certificate, unless the URL says itself what it takes.

    Whoever listens in is kept out, whoever stands between is not.
    """
    parts = urlsplit(url)
    if not parts.scheme.startswith("rediss") or "ssl_cert_reqs" in parse_qs(parts.query):
        return url
    return urlunsplit(parts._replace(query=f"{parts.query}&ssl_cert_reqs=none".lstrip("&")))


def connect(url: str, **options: Any) -> redis.Redis:
    """Return a client for the one server, or the one master, that *url* leads to. Nothing connects before it is used.

    *options* are redis-py's. Where Sentinels are asked, each new connection asks them, so after a fail-over a client
    goes on with the new master as soon as they name it. Raises ValueError for a cluster, which is no one server.
    """
    servers = read(url)
    if servers.kind == "server":
        return redis.Redis.from_url(url, **options)
    if servers.kind == "cluster":
        raise ValueError("only the cache can be a cluster")
    # The Sentinels are asked within the same time.
    asking = {name: value for name, value in options.items() if name.startswith(("socket_", "retry"))}
    master = {**parameters(servers.base), **options}
    tls = {name: value for name, value in master.items() if name.startswith("ssl")}
    sentinel: Any = Sentinel(list(servers.hosts), sentinel_kwargs={**tls, **asking, **dict(servers.asking)})  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinel.master_for(servers.name, **master)
    return client


def parameters(base: str) -> dict[str, Any]:
    """Return what the *base* of a URL says besides the address, as arguments of redis-py's clients."""
    found: dict[str, Any] = dict(parse_url(base))  # type: ignore[no-untyped-call]
    for name in ("host", "port"):
        found.pop(name, None)
    if "connection_class" in found:
        del found["connection_class"]
        found["ssl"] = True
    return found


def _connectable(url: str) -> str:
    """Return *url* if it says nothing that no connection to a server could be made with. Raises ValueError."""
    parts = urlsplit(url)
    try:
        numbered = parts.scheme == "unix" or (parts.port != 0 and _DATABASE.fullmatch(parts.path))
    except ValueError:
        numbered = False
    if not numbered:
        raise ValueError(_NEEDED)
    try:
        # Which parameters there are, and of what kind, is known to nobody but the connection, which is only made here.
        redis.Redis.from_url(url).connection_pool.make_connection()
    except (TypeError, ValueError, redis.RedisError):
        raise ValueError("a URL with parameters that redis-py knows is needed") from None
    return url


def _address(text: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        if not parts.hostname:
            raise ValueError
        return parts.hostname, parts.port or port
    except ValueError:
        raise ValueError("addresses like host:26379, with commas between them, are needed") from None
