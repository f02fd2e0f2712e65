"""Which node of a cluster has which slot, when that changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from domain.cache.cluster import Address, Cluster
from domain.redis_servers import read

OLD, NEW = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


class Nodes:
    """All of them say that *master* has every slot."""

    def __init__(self) -> None:
        self.master = OLD
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def execute_command(self, *_: object) -> list[Any]:
        self.asked += 1
        host, port = self.master
        self.meanwhile()
        return [[0, 16383, [host.encode(), port, b"id"]]]


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def cluster(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(Cluster, "client_at", lambda *_: nodes)
    return Cluster(read("redis+cluster://10.0.0.1:6379"))


def found_within(cluster: Cluster, address: Address, seconds: float) -> bool:
    """Ask much more often than it does, as many requests do."""
    deadline = time.monotonic() + seconds
    while cluster.address_of("a key") != address:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def test_a_new_node_is_found_however_many_ask_for_it(cluster: Cluster, nodes: Nodes) -> None:
    assert cluster.address_of("a key") == OLD
    nodes.master = NEW
    cluster.lost(OLD)

    assert found_within(cluster, NEW, 5)
    # And the nodes are left alone when all is known, and not asked much more often than it takes.
    assert nodes.asked <= 3
    cluster.address_of("a key")
    assert nodes.asked <= 3


def test_who_loses_a_node_while_another_one_asks_is_heard(cluster: Cluster, nodes: Nodes) -> None:
    assert cluster.address_of("a key") == OLD
    cluster.lost(OLD)

    def promote() -> None:
        nodes.master, nodes.meanwhile = NEW, lambda: None
        cluster.lost(OLD)

    nodes.meanwhile = promote

    assert found_within(cluster, NEW, 5)
