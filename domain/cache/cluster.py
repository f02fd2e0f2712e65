"""A Redis Cluster as the cache uses it: which node has which slot, and a client for each node."""

from __future__ import annotations

import threading
import time
from typing import Any

import redis
from redis.connection import Connection, SSLConnection
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError

from domain.redis_servers import RedisServers, parameters

Address = tuple[str, int]

#: Seconds between two times that the nodes are asked who has which slot, however many calls fail.
_PAUSE = 0.1


class Cluster:
    """Follows the cluster's own word on where each slot is.

    It never tries a call again by itself, as redis-py's own client of a cluster does for seconds: that is for the
    circuit breaker to say.
    """

    def __init__(self, servers: RedisServers, **options: Any) -> None:
        """*options* are those of redis-py's clients."""
        self._hosts = servers.hosts
        self._options = {**parameters(servers.base), **options}
        self._lock = threading.Lock()
        self._slots: dict[int, Address] = {}
        self._stale = True
        self._asked = 0.0
        self._suspects: set[Address] = set()
        self._clients: dict[Address, redis.Redis] = {}

    def address_of(self, key: str) -> Address:
        """Return the address of the node with the slot of *key*. Raises RedisError where nobody knows."""
        if self._stale:
            self._ask()
        address = self._slots.get(key_slot(key.encode()))
        if address is None:
            self.lost()
            raise redis.ConnectionError("no node of the cluster has the slot")
        return address

    def client_at(self, address: Address) -> redis.Redis:
        """Return a client for the node at *address*."""
        client = self._clients.get(address)
        if client is None:
            made = redis.Redis(host=address[0], port=address[1], **self._options)
            client = self._clients.setdefault(address, made)
        return client

    def home(self, key: str) -> redis.Redis:
        """Return a client whose every new connection leads to the node that has the slot of *key* then."""
        options = dict(self._options)
        kind = _FollowingTls if options.pop("ssl", False) else _Following
        pool = redis.ConnectionPool(connection_class=kind, cluster=self, key=key, **options)
        return redis.Redis.from_pool(pool)

    def lost(self, address: Address | None = None) -> None:
        """Ask again where the slots are: the node at *address* did not answer, or it has not got what it had."""
        self._stale = True
        if address is not None:
            self._suspects.add(address)

    def close(self) -> None:
        for client in list(self._clients.values()):
            client.close()

    def _ask(self) -> None:
        """Ask one node after the other until one knows; those that did not answer come last.

        While one asks, the others go on with what was known. Raises RedisError where nothing is.
        """
        if not self._lock.acquire(blocking=not self._slots):
            return
        try:
            if not self._slots or (self._stale and time.monotonic() - self._asked >= _PAUSE):
                self._ask_all()
        finally:
            self._lock.release()

    def _ask_all(self) -> None:
        failed: Exception | None = None
        # Who loses a node from now on may know better than what is answered.
        self._stale = False
        try:
            for address in sorted({*self._slots.values(), *self._hosts}, key=self._suspects.__contains__):
                try:
                    found = self.client_at(address).execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
                except redis.RedisError as error:
                    self._suspects.add(address)
                    failed = error
                    continue
                if slots := _read(found, address[0]):
                    self._slots = slots
                    self._suspects.discard(address)
                    return
        finally:
            self._asked = time.monotonic()
        self._stale = True
        if not self._slots:
            raise failed or redis.ConnectionError("no node of the cluster has any slot")


def _read(found: Any, asked: str) -> dict[int, Address]:
    """Return slot → the address of its master. A node that does not know its own name is the one that was asked."""
    slots: dict[int, Address] = {}
    for first, last, (host, port, *_), *_ in found:
        slots.update(dict.fromkeys(range(first, last + 1), (host.decode() if host else asked, port)))
    return slots


class _Following(Connection):
    """A connection to whichever node has the slot of a key."""

    def __init__(self, cluster: Cluster, key: str, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._cluster = cluster
        self._key = key

    def _connect(self) -> Any:
        self.host, self.port = self._cluster.address_of(self._key)
        try:
            return super()._connect()  # type: ignore[no-untyped-call]
        except OSError:
            self._cluster.lost((self.host, self.port))
            raise

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)
        except (AskError, ClusterDownError) as moved:
            self._cluster.lost()
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("the slot is on another node") from moved


class _FollowingTls(_Following, SSLConnection):
    """The same with TLS."""
