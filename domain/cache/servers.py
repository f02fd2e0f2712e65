"""Where the keys of the cache lie: all on one server, or those of each tenant on a node of a cluster."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import redis

from domain.cache import scripts
from domain.cache.cluster import Address, Cluster


class Place(NamedTuple):
    """The server with a tenant's keys: a *client* for it, and on which *run* of it they are good; *name* tells it from
    others."""

    client: redis.Redis
    run_id: str
    name: str = ""


class Servers(Protocol):
    """What Epoch needs to know of them."""

    #: Leads to the server with the state and the stream.
    home: redis.Redis

    #: Whether the state lies with every tenant's keys, so that their scripts can look at it themselves.
    together: bool

    #: Seconds for which the state may be taken for what it was when it was asked for.
    lasts: float

    def place(self, tenant_id: str, run_id: str) -> Place | None:
        """Return where the tenant's keys are; *run_id* is that of home. None where it has to be asked for: enter()."""

    def node(self, tenant_id: str) -> str:
        """Return the name of the server with the tenant's keys. Raises RedisError."""

    def enter(self, tenant_id: str) -> None:
        """Give the server with the tenant's keys the scripts. Raises RedisError."""

    def lost(self, place: Place) -> None:
        """Take note that the server did not answer, or did not have what it had."""

    def close(self) -> None:
        """Close the connections."""


class OneServer:
    """All keys on one server."""

    together = True
    lasts = math.inf

    def __init__(self, client: redis.Redis) -> None:
        self.home = client

    def place(self, tenant_id: str, run_id: str) -> Place:  # noqa: ARG002
        return Place(self.home, run_id)

    def node(self, tenant_id: str) -> str:  # noqa: ARG002
        return ""

    def enter(self, tenant_id: str) -> None:
        """Whoever has asked for the state has been there."""

    def lost(self, place: Place) -> None:
        """There is no other one to look for."""

    def close(self) -> None:
        self.home.close()


class ClusterServers:
    """The keys of each tenant in one slot, and the state and the stream in another one."""

    together = False
    #: As long as memory is trusted: how soon all hear of an epoch is the same for both.
    lasts = 2.0

    def __init__(self, cluster: Cluster, key: str) -> None:
        """*key*: the one whose node is home."""
        self._cluster = cluster
        self._runs: dict[Address, str] = {}
        self.home = cluster.home(key)

    def place(self, tenant_id: str, run_id: str) -> Place | None:  # noqa: ARG002
        address = self._cluster.address_of(_key(tenant_id))
        known = self._runs.get(address)
        return None if known is None else Place(self._cluster.client_at(address), known, _name(address))

    def node(self, tenant_id: str) -> str:
        return _name(self._cluster.address_of(_key(tenant_id)))

    def enter(self, tenant_id: str) -> None:
        address = self._cluster.address_of(_key(tenant_id))
        try:
            self._runs[address] = scripts.enter(self._cluster.client_at(address), _key(tenant_id))
        except redis.RedisError:
            self._cluster.lost(address)
            raise

    def lost(self, place: Place) -> None:
        host, _, port = place.name.rpartition(":")
        address = (host, int(port))
        self._runs.pop(address, None)
        self._cluster.lost(address)

    def close(self) -> None:
        self.home.close()
        self._cluster.close()


def _key(tenant_id: str) -> str:
    """A key in the tenant's slot."""
    return f"cache:{{{tenant_id}}}:watched"


def _name(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
