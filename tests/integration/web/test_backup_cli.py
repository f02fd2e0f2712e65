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

#: Says that it is the newest, writes down with what it was called, and ends as it is told to.
PROGRAM = f"""#!{sys.executable}
import pathlib, sys
if "--version" in sys.argv:
    print("pg_dump (PostgreSQL) 99.0")
    sys.exit()
with pathlib.Path(__file__).with_name("calls").open("a") as calls:
    print(*sys.argv, file=calls)
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
