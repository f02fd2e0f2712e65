"""``flask --app web backup``: from whatever database the service works with, and into a folder or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from domain.bootstrap import Container
from domain.settings import Settings
from tests.integration.web.service import Service
from tests.integration.web.test_cli import flask
from web.app import create_app
from web.cli.answers import FAILED

Wired = Callable[..., Container]

#: Says that it is the newest, and writes down with what it was called.
PROGRAM = f"""#!{sys.executable}
import pathlib, sys
if "--version" in sys.argv:
    print("pg_dump (PostgreSQL) 99.0")
    sys.exit()
with pathlib.Path(__file__).with_name("calls").open("a") as calls:
    print(*sys.argv, file=calls)
"""

#: What is put behind it so that it fails at its second call, having written a part of what it should.
BREAKS_OFF = """
path = pathlib.Path(next(each for each in sys.argv if each.startswith("--file=")).removeprefix("--file="))
if "--format=custom" in sys.argv:
    path.write_text("half")
    sys.exit("The disk is full.")
path.mkdir()
(path / "toc.dat").touch()
"""


def told_to(wired: Wired, url: str, *arguments: str) -> tuple[int, str]:
    app = create_app(container=wired(database_url=url, read_database_url=url))
    return flask(Service(app), "backup", *arguments)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that do nothing but to write down with what they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (folder / name).write_text(PROGRAM)
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    "parameters",
    [
        "keepalives_idle=30&keepalives=1",
        "ssl_min_protocol_version=TLSv1.2",
        "application_name=a%20name&tcp_user_timeout=9000",
        "options=-c%20statement_timeout%3D60s&keepalives_idle=30",
    ],
)
def test_a_backup_is_taken_by_any_url_that_the_service_works_with(
    wired: Wired, settings: Settings, tmp_path: Path, parameters: str
):
    url = f"{settings.database_url}{'&' if '?' in settings.database_url else '?'}{parameters}"

    code, output = told_to(wired, url, str(tmp_path / "backup"))

    assert code == 0, output
    assert output.endswith(f"restore-drill --backup {tmp_path / 'backup'}\n")


def test_a_backup_is_taken_where_the_url_names_several_hosts(wired: Wired, settings: Settings, tmp_path: Path):
    parts = urlsplit(settings.database_url)
    login, _, place = parts.netloc.rpartition("@")
    url = f"postgresql://{login}@{parts.path}?host={place}&host={place}&sslmode=disable"

    code, output = told_to(wired, url, str(tmp_path / "backup"))

    assert code == 0, output
    assert output.endswith(f"restore-drill --backup {tmp_path / 'backup'}\n")


def test_no_other_process_sees_a_password(wired: Wired, settings: Settings, programs: Path, tmp_path: Path):
    password = urlsplit(settings.database_url).password
    assert password

    joint = "&" if "?" in settings.database_url else "?"
    for name, parameters in (("one", "keepalives_idle=30"), ("two", "sslpassword=swordfish")):
        url = f"{settings.database_url}{joint}{parameters}"
        code, output = told_to(wired, url, str(tmp_path / name), "--binaries", str(programs))

        # Then what has no way to be told in secret is refused by its name, and all else goes through
        assert code == (FAILED if "swordfish" in parameters else 0), output
        assert ("sslpassword" in output) == ("swordfish" in parameters)
        assert "swordfish" not in output

    calls = (programs / "calls").read_text()
    assert "keepalives_idle=30" in calls
    assert password not in calls
    assert "swordfish" not in calls


def test_a_backup_that_fails_leaves_no_trace_and_the_next_try_succeeds(
    wired: Wired, settings: Settings, programs: Path, tmp_path: Path
):
    # Given a pg_dump that breaks off in the midst of the second of its two dumps
    with (programs / "pg_dump").open("a") as program:
        print(BREAKS_OFF, file=program)
    folder = tmp_path / "made" / "for" / "it"

    code, output = told_to(wired, settings.database_url, str(folder), "--binaries", str(programs))

    assert (code, output) == (FAILED, "Error: pg_dump failed: The disk is full.\n")
    assert not (tmp_path / "made").exists()
    assert told_to(wired, settings.database_url, str(folder))[0] == 0


def test_a_backup_that_fails_takes_away_nothing_that_was_there_before(
    wired: Wired, settings: Settings, programs: Path, tmp_path: Path
):
    with (programs / "pg_dump").open("a") as program:
        print(BREAKS_OFF, file=program)
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    (full / "write_schema").mkdir(parents=True)

    said = [told_to(wired, settings.database_url, str(folder), "--binaries", str(programs)) for folder in (empty, full)]

    assert said == [(FAILED, "Error: pg_dump failed: The disk is full.\n"), (FAILED, f"Error: {full} is not empty.\n")]
    assert list(empty.iterdir()) == []
    assert list(full.iterdir()) == [full / "write_schema"]


def test_a_folder_that_cannot_be_made_is_one_line(wired: Wired, settings: Settings, tmp_path: Path):
    (tmp_path / "file").touch()

    for folder, reason in (
        (tmp_path / "file" / "x", "Not a directory"),
        (Path("/proc/x"), "No such file or directory"),
    ):
        code, output = told_to(wired, settings.database_url, str(folder))

        assert (code, output) == (FAILED, f"Error: {folder} can't be used: {reason}\n")
