"""The Lua scripts, in a text of their own for each run of the server.

Answers and fences that a server had before it failed over or came back from a snapshot may be older than what was
invalidated since, so no script may touch them on any other run than the one that they were written on. A server keeps
scripts in its memory only and gives them to nobody. So a script that names the run in its text is known to that run
alone, and on any other server the call fails before it has read a thing, at no cost to those that don't.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import AskError, NoScriptError, RedisError

if TYPE_CHECKING:
    from redis import Redis

#: Seconds that a tenant's fence is kept after the last entry was stored or tag was raised: longer than any entry.
FENCE_TTL = 7200

#: Seconds for which one has the lease to load an answer, if it isn't kept meanwhile.
LEASE = 2.0

#: What stands between the id of a run and the term of a node of a cluster; see enter().
_TERM = "/"

#: What a script looks at first on a node of a cluster.
_SAME_TERM = """\
if not string.find(redis.call('CLUSTER', 'INFO'), 'cluster_my_epoch:{term}\\r', 1, true) then
  return redis.error_reply('NOSCRIPT it is another term')
end"""

NAMES = ("look", "store", "mint", "raise", "renew", "state", "publish", "keep")

#: Servers before this one gave their scripts to their replicas and snapshots.
FIRST_VERSION = 7

#: The run is another one, or the server has forgotten the scripts, or another node has the slot: enter() has to be
#: called again. AskError is what MovedError is, too.
Elsewhere = (NoScriptError, AskError)


class TooOld(RedisError):
    """The server is older than Redis 7."""


@cache
def text(name: str, run_id: str) -> str:
    """Return the script *name* for the run."""
    folder = files("domain.cache") / "lua"
    constants = f"local FENCE_MS, LEASE_MS = {FENCE_TTL * 1000:.0f}, {LEASE * 1000:.0f}"
    common, own = ((folder / f"{part}.lua").read_text() for part in ("common", name))
    _, in_cluster, term = run_id.partition(_TERM)
    check = (_SAME_TERM.format(term=term),) if in_cluster else ()
    return "\n".join((f"-- On run {run_id} only.", constants, common, *check, own))


@cache
def digest(name: str, run_id: str) -> str:
    """Return the name by which the server knows the script."""
    return hashlib.sha1(text(name, run_id).encode(), usedforsecurity=False).hexdigest()


def run(client: Any, name: str, run_id: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
    """Run the script on *client*, or put it into that pipeline. Raises Elsewhere on another run than *run_id*."""
    return client.execute_command("EVALSHA", digest(name, run_id), len(keys), *keys, *args)


def enter(client: Redis, key: str = "cache:{all}:watched") -> str:
    """Return the id of the server's run, after giving it the scripts for this run. Raises RedisError.

    *key*, which is never written, lies on the server. A node of a cluster that was replaced by its replica may come
    back as the same run. So there the id also names the term, which is new each time that a node takes over slots, and
    the scripts look at it.
    """
    with client.pipeline() as pipe:
        # While a key is watched, a connection that is lost is not replaced by one that may lead to another server.
        pipe.watch(key)  # type: ignore[no-untyped-call]
        info: Any = pipe.info("server", "cluster")
        if int(str(info["redis_version"]).partition(".")[0]) < FIRST_VERSION:
            raise TooOld
        run_id = str(info["run_id"])
        if info.get("cluster_enabled"):
            cluster: Any = pipe.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
            run_id += f"{_TERM}{_term(cluster)}"
        pipe.multi()
        for name in NAMES:
            pipe.script_load(text(name, run_id))
        pipe.execute()
    return run_id


def short(run_id: str) -> str:
    """Return what stands for the run in the names of keys."""
    id, in_cluster, term = run_id.partition(_TERM)
    return f"{id[:16]}.{term}" if in_cluster else id[:16]


def _term(info: Any) -> str:
    """redis-py gives a dict or the text, as its version and the protocol have it."""
    if isinstance(info, dict):
        return str(info["cluster_my_epoch"])
    lines = (info.decode() if isinstance(info, bytes) else str(info)).splitlines()
    return next(value for name, _, value in (line.partition(":") for line in lines) if name == "cluster_my_epoch")
