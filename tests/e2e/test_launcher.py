"""``make run`` as a process, with real servers and with stand-ins for our own processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.launched import Launched, alive, discard, named
from tests.stopwatch import Stopwatch
from workers.launcher.ports import LOOPBACK, free_port
from workers.launcher.supervisor import SAME_WISH

STAND_IN = Path(__file__).parent / "stand_in"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Path]:
    """A folder with a Procfile, whose processes start fast."""
    folder = Path(shutil.copytree(STAND_IN, tmp_path / "house", ignore=shutil.ignore_patterns("__pycache__")))
    yield folder
    discard(folder)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_all_in_order_and_a_signal_stops_all_and_leaves_nothing(
    house: Path, port: int, number: signal.Signals
) -> None:
    with Launched(house, port) as launched:
        launched.wait_for(f"welcome to http://127.0.0.1:{port}")
        family = launched.family()
        # It comes twice where make passes on what the whole group got. That is no second wish.
        launched.process.send_signal(number)
        code = launched.stop(number)

    said = launched.output
    steps = (
        "postgres | ",
        "valkey   | ",
        "release  | released",
        "worker   | at work",
        "sample   | sample for",
        "welcome",
    )
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    assert code == 0
    assert launched.last_line == "All stopped."
    assert "at once." not in said
    assert len(family) > 8
    assert alive(family) == []
    assert not [path for path in house.rglob("*") if path.suffix in (".pid", ".lock") or path.name == "pid"]


def test_one_that_dies_brings_the_rest_down_and_is_named(house: Path, port: int) -> None:
    with Launched(house, port) as launched:
        launched.wait_for("welcome")
        family = launched.family()
        named(family, "sleep 1000 &").kill()
        code = launched.wait()

    assert code == 1
    assert launched.last_line == "worker was ended by SIGKILL (exit code 137)"
    assert alive(family) == []


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_a_server_that_dies_is_named_too(house: Path, port: int, server: str) -> None:
    with Launched(house, port) as launched:
        launched.wait_for("welcome")
        family = launched.family()
        named(family, f"bin/postgres -D {house}" if server == "postgres" else "valkey-server").kill()
        code = launched.wait()

    assert code == 1
    assert launched.last_line == f"{server} was ended by SIGKILL (exit code 137)"
    assert alive(family) == []


def test_a_release_that_fails_is_the_last_word(house: Path, port: int) -> None:
    procfile = house / "Procfile"
    procfile.write_text(procfile.read_text().replace("""print("released")""", "import sys; sys.exit(3)"))

    with Launched(house, port) as launched:
        code = launched.wait()

    assert code == 1
    assert launched.last_line == "release ended with exit code 3"
    assert "at work" not in launched.output


def test_after_a_kill_of_everything_the_next_start_has_the_same_data(house: Path, port: int) -> None:
    with Launched(house, port) as killed:
        killed.wait_for("welcome")
        family = killed.family()
        for process in [psutil.Process(killed.process.pid), *family]:
            # Without the launcher the others may end by themselves before their turn comes.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        killed.wait()
    secret = (house / ".local" / "jwt-secret").read_text()

    with Launched(house, port) as launched:
        launched.wait_for("welcome")
        launched.stop()

    assert (house / ".local" / "jwt-secret").read_text() == secret
    # The port is another one where somebody else has taken it meanwhile, and only then.
    before, after = urlsplit(url_in(killed)), urlsplit(url_in(launched))
    assert (after.username, after.password, after.path) == (before.username, before.password, before.path)


def test_what_a_killed_launcher_leaves_ends_with_it_or_at_the_next_start(house: Path, port: int) -> None:
    with Launched(house, port) as killed:
        killed.wait_for("welcome")
        family = killed.family()
        killed.stop(signal.SIGKILL)

    with Launched(house, port) as launched:
        launched.wait_for("welcome")
        assert alive(family) == []
        launched.stop()


def test_a_second_start_in_the_same_folder_is_refused_in_one_line(house: Path, port: int) -> None:
    with Launched(house, port) as first:
        first.wait_for("postgres | ")
        with Launched(house, free_port()) as second:
            assert second.wait() == 1
        assert second.output == "Another launcher runs in this checkout. Stop it first, with Ctrl-C or SIGTERM.\n"


def test_a_port_that_is_taken_is_refused_with_a_last_word_of_one_line(house: Path, port: int) -> None:
    with socket.create_server((LOOPBACK, port)), Launched(house, port) as launched:
        assert launched.wait() == 1

    assert launched.last_line == f"Port {port} is in use by another program. Choose another: PORT={port + 1} make run"
    assert "postgres" not in launched.output


def test_an_address_of_another_machine_is_not_taken_for_a_port_that_is_taken(house: Path, port: int) -> None:
    with Launched(house, port, HOST="999.1.1.1") as launched:
        assert launched.wait() == 1

    assert launched.last_line.startswith("HOST: this machine can't listen on 999.1.1.1: ")
    assert "postgres" not in launched.output


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path, port: int) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / ".local").touch()

    with Launched(tmp_path / "house", port) as launched:
        assert launched.wait() == 1

    assert launched.output == f"{tmp_path / 'house' / '.local'} can't be used: File exists\n"


def test_servers_whose_ports_are_taken_get_others(house: Path, port: int) -> None:
    with Launched(house, port) as launched:
        launched.wait_for("welcome")
        launched.stop()
    old = int((house / ".local" / "postgres" / "port").read_text())

    with socket.create_server((LOOPBACK, old)), Launched(house, port) as launched:
        launched.wait_for("welcome")
        launched.stop()

    assert int((house / ".local" / "postgres" / "port").read_text()) != old


def test_bad_settings_are_told_before_anything_starts(house: Path, port: int) -> None:
    with Launched(house, port, WEB_CONCURRENCY="many", LOG_LEVEL="loud") as launched:
        assert launched.wait() == 1

    assert [line.split(":")[0] for line in launched.output.splitlines()[-2:]] == ["WEB_CONCURRENCY", "LOG_LEVEL"]
    assert "postgres" not in launched.output


def test_servers_of_ones_own_are_used_each_by_itself(
    house: Path, port: int, empty_database_url: str, redis_url: str
) -> None:
    with Launched(house, port, DATABASE_URL=empty_database_url) as launched:
        launched.wait_for("welcome")
        launched.stop()
    assert url_in(launched) == empty_database_url
    assert "postgres | " not in launched.output
    assert "valkey   | " in launched.output

    with Launched(house, port, REDIS_URL=redis_url) as launched:
        launched.wait_for("welcome")
        launched.stop()
    assert "postgres | " in launched.output
    assert "valkey   | " not in launched.output


def test_servers_of_ones_own_that_do_not_answer_are_told_in_one_line(house: Path, port: int) -> None:
    nowhere = free_port()
    with Launched(house, port, DATABASE_URL=f"postgres://me:secret@127.0.0.1:{nowhere}/x") as launched:
        assert launched.wait() == 1

    assert launched.last_line.startswith("DATABASE_URL can't be used: ")
    assert "secret" not in launched.output


def test_one_that_does_not_drain_is_killed_with_its_children(house: Path, port: int) -> None:
    procfile = house / "Procfile"
    procfile.write_text(f"{procfile.read_text()}deaf: sh -c 'trap : TERM; echo deaf; while :; do sleep 1; done'\n")

    with Launched(house, port) as launched:
        launched.wait_for("welcome")
        family = launched.family()
        launched.process.send_signal(signal.SIGINT)
        launched.wait_for("Stopping")
        time.sleep(SAME_WISH)
        # Asked a second time, it doesn't wait for the 30 seconds to pass.
        with Stopwatch() as watch:
            assert launched.stop() == 0
        assert watch.seconds < 10

    assert "Stopping at once." in launched.output
    assert alive(family) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_it_below_a_folder_that_only_they_may_enter(port: int) -> None:
    user = 12345
    become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    ask = (*become, sys.executable, "-c", "import sys; print(sys.version)")
    if subprocess.run(ask, capture_output=True, text=True).stdout.strip() != sys.version:
        pytest.skip("this Python is closed to other users")
    with tempfile.TemporaryDirectory() as home:
        house = Path(shutil.copytree(STAND_IN, Path(home, "house"), ignore=shutil.ignore_patterns("__pycache__")))
        for path in (house.parent, house, *house.iterdir()):
            os.chown(path, user, user)

        with Launched(house, port, become) as launched:
            launched.wait_for("welcome")
            family = launched.family()
            users = {process.uids().real for process in family}
            assert launched.stop() == 0

        assert stat.S_IMODE(house.parent.stat().st_mode) == 0o700
        assert users == {user}
        assert alive(family) == []


def url_in(launched: Launched) -> str:
    """The URL of the database that the clock of the stand-in prints."""
    return next(line.split(" | ")[1] for line in launched.output.splitlines() if line.startswith("clock    | "))
