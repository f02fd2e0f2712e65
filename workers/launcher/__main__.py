"""``python -m workers.launcher`` runs the service on this machine; with ``reset`` it deletes the service's data."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from domain.settings import SettingsError
from workers.launcher.binaries import NotInstalled
from workers.launcher.console import Console
from workers.launcher.external import Unreachable
from workers.launcher.orphans import stop_orphans
from workers.launcher.ports import CannotListen
from workers.launcher.readiness import NotReady
from workers.launcher.run import PortTaken, run
from workers.launcher.server import ServerFailed
from workers.launcher.state import AlreadyRunning, State
from workers.launcher.supervisor import ProcessEnded, StopRequested, Supervisor
from workers.launcher.unprivileged import NoWayToRun

_FAULTS = (
    *(NotInstalled, NoWayToRun, NotReady, PortTaken, ProcessEnded, ServerFailed, SettingsError, Unreachable),
    *(CannotListen, OSError, ValueError),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m workers.launcher", description=__doc__)
    parser.add_argument("command", choices=["run", "reset"], nargs="?", default="run")
    command = parser.parse_args().command
    root = Path.cwd()
    state = State(root / ".local")
    try:
        with state.held():
            return _reset(state) if command == "reset" else _run(root, state)
    except AlreadyRunning as running:
        print(f"{running} Stop it first, with Ctrl-C or SIGTERM.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or state.folder} can't be used: {error.strerror or error}", file=sys.stderr)
        return 1


def _run(root: Path, state: State) -> int:
    console = Console()
    supervisor = Supervisor(console)
    supervisor.listen_for_signals()
    last_word, code = "All stopped.", 0
    try:
        run(root, state, os.environ, console, supervisor)
    except StopRequested:
        console.say("\nStopping (once more to stop at once) …")
    except _FAULTS as fault:
        last_word, code = str(fault), 1
        console.say("Stopping, because something is wrong …")
    except KeyboardInterrupt:
        last_word, code = "Stopped while starting.", 130
    finally:
        supervisor.stop()
    print(last_word, file=sys.stderr if code else sys.stdout, flush=True)
    return code


def _reset(state: State) -> int:
    stop_orphans(state.folder)
    state.remove()
    print("The data are deleted. The next `make run` starts with an empty store.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
