"""Several Valkey servers that belong together: a master with a replica and Sentinels, and a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil
import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from tests.e2e.fleet import wait_for
from workers.launcher.binaries import valkey_server
from workers.launcher.ports import LOOPBACK, free_port
from workers.launcher.spawn import spawn

PASSWORD = "a-password"

#: Milliseconds without an answer after which a server is taken for dead.
PATIENCE = 500

_COMMON = f"""\
bind {LOOPBACK}
requirepass {PASSWORD}
save ""
crash-log-enabled no
loglevel notice
"""


class Valkey:
    """One server with a configuration of its own. It ends with this process."""

    def __init__(self, directory: Path, configuration: str, *options: str) -> None:
        self.port = free_port()
        self.directory = directory / str(self.port)
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.directory.mkdir(parents=True)
        file = self.directory / "valkey.conf"
        file.write_text(f'port {self.port}\ndir "{self.directory}"\n{_COMMON}{configuration}')

    def start(self) -> Self:
        with (self.directory / "server.log").open("ab") as log:
            command = (valkey_server(), self.directory / "valkey.conf", *self._options)
            self._process = spawn(command, directory=self.directory, output=log)
        wait_for(self.answers, 20, f"Valkey on {self.port}")
        return self

    def client(self) -> redis.Redis:
        return redis.Redis(
            host=LOOPBACK, port=self.port, password=PASSWORD, retry=Retry(NoBackoff(), 0), socket_timeout=2
        )

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def ask(self, *command: Any) -> Any:
        with self.client() as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open and nothing answers."""
        self._each(psutil.Process.suspend)

    def resume(self) -> None:
        self._each(psutil.Process.resume)

    def _each(self, act: Callable[[psutil.Process], None]) -> None:
        if self._process is not None and self._process.poll() is None:
            act(psutil.Process(self._process.pid))


class Watched:
    """A master with one replica, and three Sentinels of which two have to agree that it is dead."""

    NAME = "directory"

    def __init__(self, directory: Path) -> None:
        auth = f"masterauth {PASSWORD}\nrepl-diskless-sync-delay 0\n"
        self.servers = [Valkey(directory, auth).start()]
        self.servers.append(Valkey(directory, f"{auth}replicaof {LOOPBACK} {self.servers[0].port}\n").start())
        # A Sentinel asks the master for its replicas at once, and then every ten seconds.
        wait_for(self._replicated, 20, "the replica to be in step")
        watch = (
            f"sentinel monitor {self.NAME} {LOOPBACK} {self.servers[0].port} 2\n"
            f"sentinel auth-pass {self.NAME} {PASSWORD}\n"
            f"sentinel sentinel-pass {PASSWORD}\n"
            f"sentinel down-after-milliseconds {self.NAME} {PATIENCE}\n"
            f"sentinel failover-timeout {self.NAME} 3000\n"
        )
        self.sentinels = [Valkey(directory, watch, "--sentinel").start() for _ in range(3)]
        wait_for(self._complete, 20, "the Sentinels to know each other and the replica")

    @property
    def url(self) -> str:
        hosts = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{PASSWORD}@{hosts}/{self.NAME}/0?sentinel_password={PASSWORD}"

    @property
    def master(self) -> Valkey:
        """The server that the Sentinels name."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.NAME)
        return next(server for server in self.servers if server.port == int(port))

    def _complete(self) -> bool:
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                state = client.sentinel_master(self.NAME)
            if state["num-other-sentinels"] != 2 or state["num-slaves"] != 1:
                return False
        return True

    def _replicated(self) -> bool:
        found = self.servers[0].ask("INFO", "replication").get("slave0", {})
        return bool(found.get("state") == "online")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self.sentinels, *self.servers):
            each.kill()


class Cluster:
    """Three nodes with a third of the slots each, and a replica for each of them."""

    def __init__(self, directory: Path) -> None:
        def node() -> Valkey:
            # The nodes talk to each other on a port 10000 higher, which there may not be, unless it is named.
            options = f"cluster-enabled yes\ncluster-port {free_port()}\ncluster-node-timeout {2 * PATIENCE}\n"
            return Valkey(directory, f"{options}masterauth {PASSWORD}\nrepl-diskless-sync-delay 0\n").start()

        self.nodes, self.replicas = [node() for _ in range(3)], [node() for _ in range(3)]
        for number, each in enumerate(self.nodes):
            each.ask("CLUSTER ADDSLOTSRANGE", *SLOTS[number])
            each.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for each in (*self.nodes[1:], *self.replicas):
            port = self.nodes[0].ask("CONFIG GET", "cluster-port")["cluster-port"]
            each.ask("CLUSTER MEET", LOOPBACK, self.nodes[0].port, port)
        wait_for(lambda: all(_knows(each, 6) for each in self.all), 20, "the nodes to know each other")
        for node_, replica in zip(self.nodes, self.replicas, strict=True):
            replica.ask("CLUSTER REPLICATE", node_.ask("CLUSTER MYID"))
        wait_for(lambda: all(_follows(each) for each in self.replicas), 20, "the replicas to follow")

    @property
    def all(self) -> list[Valkey]:
        return [*self.nodes, *self.replicas]

    @property
    def url(self) -> str:
        hosts = ",".join(f"{LOOPBACK}:{each.port}" for each in self.nodes)
        return f"redis+cluster://:{PASSWORD}@{hosts}"

    def node_of(self, key: str) -> Valkey:
        """The one of the first three that had the slot of *key*."""
        slot = key_slot(key.encode())
        return self.nodes[next(number for number, (first, last) in enumerate(SLOTS) if first <= slot <= last)]

    def replica_of(self, node: Valkey) -> Valkey:
        return self.replicas[self.nodes.index(node)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.all:
            each.kill()


#: The first and the last slot of each node.
SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))


def _knows(node: Valkey, others: int) -> bool:
    state = node.ask("CLUSTER INFO")
    return bool(state["cluster_state"] == "ok" and int(state["cluster_known_nodes"]) == others)


def _follows(replica: Valkey) -> bool:
    found = replica.ask("INFO", "replication")
    return bool(found["role"] == "slave" and found["master_link_status"] == "up")


def serves(node: Valkey) -> bool:
    """Whether the node has slots, and the cluster is whole."""
    state, role = node.ask("CLUSTER INFO"), node.ask("INFO", "replication")["role"]
    return bool(state["cluster_state"] == "ok" and role == "master")
