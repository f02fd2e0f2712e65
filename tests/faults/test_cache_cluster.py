"""The cache on a Redis Cluster, whose nodes die and are replaced while answers are read and invalidated."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import orjson
import pytest
import redis

from domain.cache.epoch import STATE
from domain.cache.factory import make_cache, make_invalidator
from domain.cache.invalidation import NotInvalidated
from domain.cache.keys import Key, key_of
from domain.model.position import Position, shard_of
from tests.e2e.fleet import wait_for
from tests.faults.cache_truth import TENANT, Loaded
from tests.faults.scale import scaled
from tests.faults.test_cache_races import run
from tests.valkeys import PASSWORD, Cluster, Valkey, serves
from web.health import checks

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("patience")]

#: Races of each of sixteen threads.
RACES = scaled(150, 3000)

#: Seconds of peace before and after each loss.
PEACE = scaled(0.5, 5)

#: Seconds by which an answer may trail, as everywhere.
TRAIL = 2.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def test_no_answer_is_ever_too_old_where_tags_and_stream_lie_apart(cluster: Cluster):
    assert cluster.node_of(STATE) is not cluster.node_of(f"{{{TENANT}}}")

    seen, trails, left, rejected = run(cluster.url, fence=True, races=RACES)

    assert seen["older than asked for"] == 0
    assert seen["stale"] == 0
    assert not [name for name in left if name.startswith("stale")]
    assert trails[-1] <= TRAIL
    # It was a race: fills did come too late, and all levels answered.
    assert rejected > 5
    assert min(seen["l1"], seen["l2"], seen["load"]) > 25


def test_a_cluster_is_said_to_be_up(cluster: Cluster):
    assert checks.redis(cluster.url) == {"status": "up"}


class Tenant:
    """A value that is written, invalidated and read; it counts up."""

    def __init__(self, number: int) -> None:
        self.id = str(UUID(int=number, version=4))
        self.shard = shard_of(self.id)
        self.value = 1
        #: By value: when the invalidation of its successor had ended.
        self.ended: dict[int, float] = {}

    @property
    def key(self) -> Key:
        return key_of("tenant_summary", self.id)

    def load(self) -> Loaded:
        value = self.value
        return Loaded(orjson.dumps({"value": value}), Position(self.shard, value))

    def outdated_for(self, value: int, at: float) -> float:
        ended = self.ended.get(value)
        return max(0.0, at - ended) if ended is not None else 0.0


class Readers:
    """Two caches, as if in two processes, and one who writes and invalidates, until the end of the block."""

    def __init__(self, url: str) -> None:
        # One on each shard, so that its values are the shard's offsets.
        by_shard = {tenant.shard: tenant for tenant in map(Tenant, range(1, 25))}
        self.tenants = list(by_shard.values())
        self.caches = [make_cache(url, lambda shard: by_shard[shard].value) for _ in range(2)]
        self.invalidator = make_invalidator(url)
        self.seen: Counter[str] = Counter()
        self.trail = 0.0
        self.late: list[str] = []
        self.faults: list[str] = []
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._guarded, args=(self._read, cache)) for cache in self.caches * 2]
        self._threads.append(threading.Thread(target=self._guarded, args=(self._write, None)))

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        for cache in self.caches:
            cache.close()
            cache.disconnect()
        self.invalidator.close()

    def _guarded(self, job, *arguments) -> None:
        try:
            job(*arguments)
        except Exception as error:
            self.faults.append(repr(error))

    def _read(self, cache) -> None:
        while not self._ends.is_set():
            self.look(cache, random.choice(self.tenants))
            time.sleep(0.001)

    def look(self, cache, tenant: Tenant) -> str:
        arrived = time.monotonic()
        found = cache.get_or_load(tenant.key, tenant.load)
        late = tenant.outdated_for(orjson.loads(found.body)["value"], arrived)
        self.trail = max(self.trail, late)
        if late > TRAIL:
            self.late.append(f"{found.level} by {late:.1f} s")
        self.seen[found.level] += 1
        return found.level

    def _write(self, _: object) -> None:
        while not self._ends.is_set():
            tenant = random.choice(self.tenants)
            tenant.value += 1
            self.tell(tenant)
            time.sleep(0.02)

    def tell(self, tenant: Tenant) -> None:
        """Invalidate what shows the tenant, as often as it takes."""
        while True:
            try:
                self.invalidator.raise_({tenant.id: {tenant.key.tags[0]: tenant.value}})
            except (redis.RedisError, NotInvalidated):
                if self._ends.wait(0.05):
                    return
            else:
                tenant.ended[tenant.value - 1] = time.monotonic()
                return

    def hits(self, cluster: Cluster, node: Valkey) -> bool:
        """Whether what lies in the slots of *node* is found in Redis again."""
        tenant = next(each for each in self.tenants if cluster.node_of(f"{{{each.id}}}") is node)
        self.caches[0].l1.empty()
        return self.look(self.caches[0], tenant) == "l2"


def test_a_node_that_dies_makes_nothing_old_and_fails_nobody(cluster: Cluster):
    readers = Readers(cluster.url)
    home = cluster.node_of(STATE)
    other = next(node for node in cluster.nodes if node is not home)
    with readers:
        wait_for(lambda: readers.hits(cluster, other) and readers.hits(cluster, home), 10, "answers from Redis")
        time.sleep(PEACE)
        # When the node of some tenants dies, and then the one that has the state and the stream
        for node in (other, home):
            node.kill()
            wait_for(lambda node=node: serves(cluster.replica_of(node)), 30, "its replica to take over")
            # Then all is found in the cluster again
            wait_for(lambda node=node: readers.hits(cluster, node), 15, "answers from its replica")
            time.sleep(PEACE)

    # And nobody has failed, and no answer has trailed by more than it may anyway
    assert readers.faults == []
    assert readers.late == []
    assert min(readers.seen["l1"], readers.seen["l2"], readers.seen["load"]) > 25
    print(f"{dict(readers.seen)}, trails by {readers.trail:.2f} s at most")

    # And in the end all show what there is
    for tenant in readers.tenants:
        if tenant.value > 1:
            readers.tell(tenant)
    time.sleep(TRAIL)
    for cache in readers.caches:
        for tenant in readers.tenants:
            found = cache.get_or_load(tenant.key, tenant.load)
            assert orjson.loads(found.body)["value"] == tenant.value
    readers.close()


class Sleeper:
    """A cache that knows what there was, and hears of nothing for a while."""

    def __init__(self, url: str, tenant: Tenant) -> None:
        self._cache = make_cache(url, lambda _: tenant.value)
        self._cache.start = lambda: None  # type: ignore[method-assign]
        self._tenant = tenant

    def sees(self) -> tuple[int, str]:
        found = self._cache.get_or_load(self._tenant.key, self._tenant.load)
        return int(orjson.loads(found.body)["value"]), found.level

    def close(self) -> None:
        self._cache.disconnect()


def changed(url: str, tenant: Tenant) -> None:
    """Write, and invalidate on the servers at *url*, as somebody else does."""
    tenant.value += 1
    invalidator = make_invalidator(url)
    invalidator.raise_({tenant.id: {tenant.key.tags[0]: tenant.value}})
    invalidator.close()


def test_a_node_that_hands_its_slots_over_and_takes_them_back_has_not_kept_its_answers(cluster: Cluster):
    # Given an answer on a node
    home = cluster.node_of(STATE)
    other = next(node for node in cluster.nodes if node is not home)
    node = next(node for node in cluster.nodes if node not in (home, other))
    tenant = next(each for each in map(Tenant, range(1000, 1100)) if cluster.node_of(f"{{{each.id}}}") is node)
    sleeper = Sleeper(cluster.url, tenant)
    assert [sleeper.sees() for _ in range(2)] == [(1, "load"), (1, "l2")]

    # When its replica takes its place, something changes, and it takes its place back: the same run of the same server
    hand_over(node, cluster.replica_of(node))
    changed(cluster.url, tenant)
    hand_over(cluster.replica_of(node), node)

    # Then the answer from before is not given
    assert sleeper.sees() == (2, "load")
    sleeper.close()


def hand_over(old: Valkey, new: Valkey) -> None:
    new.ask("CLUSTER FAILOVER")
    wait_for(lambda: serves(new) and not serves(old), 20, "the slots to be handed over")
    wait_for(lambda: old.ask("INFO", "replication").get("master_link_status") == "up", 20, "the former node to follow")


def test_a_server_that_was_replaced_and_comes_back_has_not_kept_its_answers(
    tmp_path: Path, request: pytest.FixtureRequest
):
    # Given an answer on a server that has a replica
    auth = f"masterauth {PASSWORD}\nrepl-diskless-sync-delay 0\n"
    first, second = Valkey(tmp_path, auth).start(), Valkey(tmp_path, auth).start()
    for each in (first, second):
        request.addfinalizer(each.kill)
    tenant = Tenant(1)
    sleeper = Sleeper(url_of(first), tenant)
    assert [sleeper.sees() for _ in range(2)] == [(1, "load"), (1, "l2")]
    follow(second, first)

    # When the replica takes its place, something changes, and it takes its place back: the same run of the same server
    second.ask("REPLICAOF", "NO", "ONE")
    follow(first, second)
    changed(url_of(second), tenant)
    wait_for(lambda: offset(first) == offset(second), 20, "the former master to be in step")
    first.ask("REPLICAOF", "NO", "ONE")

    # Then the answer from before is not given
    assert sleeper.sees() == (2, "load")
    sleeper.close()


def url_of(server: Valkey) -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0"


def follow(server: Valkey, master: Valkey) -> None:
    server.ask("REPLICAOF", "127.0.0.1", master.port)
    wait_for(lambda: server.ask("INFO", "replication").get("master_link_status") == "up", 20, "the replica to follow")


def offset(server: Valkey) -> int:
    found = server.ask("INFO", "replication")
    return int(found.get("slave_repl_offset", found["master_repl_offset"]))
