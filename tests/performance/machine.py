"""What was measured on: nobody can judge numbers without it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg2
import redis

from tests.performance.world import Machinery
from tests.performance.wrk import wrk

_PACKAGES = (
    *("flask", "granian", "sqlalchemy", "psycopg2-binary", "redis", "hiredis", "orjson", "pyjwt", "dramatiq"),
    *("flask-caching", "eventsourcing"),
)

_ROOT = Path(__file__).parents[2]


def facts(machinery: Machinery) -> dict[str, str]:
    """Everything about machine and versions, by names for people."""
    found = {
        "CPU": _cpu(),
        "cores": f"{len(os.sched_getaffinity(0))}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "system": platform.platform(terse=True),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        "PostgreSQL": _postgres(machinery.postgres),
        "Valkey or Redis": _redis(machinery.redis),
        "servers": "our own, where commits wait for the disk" if machinery.pids else "given",
        "commit": _git("rev-parse", "--short", "HEAD") + (" with changes" if _git("status", "--porcelain") else ""),
        "load generator": _generator(),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except ImportError:
            found[package] = "not installed"
    return found


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return model[1] if model else platform.processor()


def _postgres(url: str) -> str:
    connection = psycopg2.connect(url)
    number = connection.server_version
    connection.close()
    return f"{number // 10000}.{number % 10000}"


def _redis(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        info = client.info("server")
    return str(info.get("valkey_version") or info.get("redis_version"))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True)
    return done.stdout.strip() or ("" if done.returncode == 0 else "unknown")


def _generator() -> str:
    program = wrk()
    if program is None:
        return "threads of our own, since wrk is not installed: they keep hot answers from being as many as could be"
    done = subprocess.run([program, "-v"], capture_output=True, text=True)
    return f"{(done.stdout or done.stderr).split(' Copyright')[0].strip()}; threads of our own at fixed rates"
