"""Everything from nothing: servers, schema, processes, sample data, and a word of welcome."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from domain.settings import broker_url
from workers.launcher.console import Console
from workers.launcher.environment import prepare_environment
from workers.launcher.external import check_postgres, check_redis
from workers.launcher.orphans import stop_orphans
from workers.launcher.ports import LOOPBACK, is_free
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.procfile import read_procfile, shell
from workers.launcher.readiness import wait_until_ready
from workers.launcher.state import State
from workers.launcher.supervisor import Supervisor
from workers.launcher.valkey import EmbeddedValkey

#: The process of the Procfile that runs once, before the others.
RELEASE = "release"

_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here


class PortTaken(Exception):
    """PORT is in use by another program."""


def run(root: Path, state: State, outer: Mapping[str, str], console: Console, supervisor: Supervisor) -> None:
    """Start all of it, and go on until *supervisor* raises. The caller stops it."""
    processes = read_procfile(root / "Procfile")
    environment = prepare_environment(outer, state, terminal=console.is_terminal)
    if count := stop_orphans(state.folder):
        console.say(f"Stopped {count} processes that an earlier run had left behind.")
    port = int(environment["PORT"])
    if not is_free(port, environment["HOST"]):
        raise PortTaken(f"Port {port} is in use by another program. Choose another: PORT={port + 1} make run")

    if "DATABASE_URL" in environment:
        check_postgres(environment["DATABASE_URL"])
    else:
        postgres = EmbeddedPostgres(state.postgres, default_port=15432, output=console.intake("postgres"))
        environment["DATABASE_URL"] = supervisor.serve(postgres).url
    if (url := broker_url(environment)) is not None:
        check_redis(url)
    else:
        valkey = EmbeddedValkey(state.valkey, default_port=16379, output=console.intake("valkey"))
        environment["REDIS_URL"] = supervisor.serve(valkey).url

    supervisor.run(RELEASE, shell(processes[RELEASE]), environment)
    for name, command in processes.items():
        if name != RELEASE:
            supervisor.start(name, shell(command), environment)
    # Who listens on all addresses is reached on this one, too.
    host = LOOPBACK if environment["HOST"] in _ALL_ADDRESSES else environment["HOST"]
    wait_until_ready(supervisor, host, port)
    supervisor.ready()

    flask, there = ("flask", "--app", "web"), ("--url", f"http://{host}:{port}")
    supervisor.run("sample", (*flask, "load-sample", "--if-empty", *there), environment, bare=console.is_terminal)
    supervisor.run("welcome", (*flask, "welcome", *there), environment, bare=True)
    supervisor.wait()
