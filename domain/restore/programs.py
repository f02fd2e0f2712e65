"""PostgreSQL's own programs for dumps, in a version that knows the server's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from psycopg2.extensions import make_dsn

from domain.model.errors import DomainError
from domain.postgres.url import parameters

#: Where Debian and its like keep a folder for each version that is installed.
_BY_VERSION = Path("/usr/lib/postgresql")

#: The variables of libpq by the names of its parameters. All others are given as
#: arguments, which every process may see: libpq has no variable for those of keep-alive, for example.
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "service": "PGSERVICE",
}

#: What nobody else may see and libpq has no variable for.
_SECRETS = frozenset({"sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})

#: Row-level security is forced, so a dump made by the tables' owner has no rows without this.
_SEES_ALL = "-c app.engine=on"


class ProgramsMissing(DomainError):
    """This server needs pg_dump {version} or newer, which is not in {places}: install it, or name its folder."""


class NotInSecret(DomainError):
    """There is no way to tell {program} the {names} of the database's URL that other processes could not see."""


class ProgramFailed(DomainError):
    """{program} failed: {reason}"""


class Programs(NamedTuple):
    """The folder of pg_dump and pg_restore, and their version."""

    folder: Path
    version: int

    def run(self, program: str, url: str, arguments: Sequence[str]) -> None:
        """Run *program* on the database at *url*, whose password no other process gets to see.

        Raises NotInSecret, and ProgramFailed with the last lines of what it said.
        """
        own, others = _told(url)
        if secrets := sorted(others.keys() & _SECRETS):
            raise NotInSecret(program=program, names=", ".join(secrets))
        done = subprocess.run(  # noqa: S603
            [str(self.folder / program), f"--dbname={make_dsn(**others)}", *arguments],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ProgramFailed(program=program, reason=" ".join(done.stderr.split("\n")[-6:]).strip())


def _told(url: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return *url* as the variables of libpq, and what there are none for; the session sees the rows of all tenants."""
    found = {name: str(value) for name, value in parameters(url).items()}
    options = f"{found.pop('options', '')} {_SEES_ALL}".strip()
    own = {_VARIABLES[name]: value for name, value in found.items() if name in _VARIABLES}
    return {**own, "PGOPTIONS": options}, {name: value for name, value in found.items() if name not in _VARIABLES}


def find_programs(version: int, folders: Iterable[Path]) -> Programs:
    """Return the oldest programs that know a server of *version*: their dumps suit the most servers.

    *folders* are looked at besides the path and where Debian puts them. Raises ProgramsMissing.
    """
    on_path = shutil.which("pg_dump")
    places = [*folders, *([Path(on_path).parent] if on_path else []), *sorted(_BY_VERSION.glob("*/bin"))]
    found = [Programs(place, has) for place in places if (has := _version(place)) is not None and has >= version]
    if not found:
        raise ProgramsMissing(version=version, places=", ".join(map(str, places)) or "any of the usual places")
    return min(found, key=lambda programs: programs.version)


def _version(folder: Path) -> int | None:
    """Return the major version of the programs in *folder*; None where they are not both there."""
    versions = set()
    for program in ("pg_dump", "pg_restore"):
        try:
            said = subprocess.run([folder / program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError):
            return None
        match = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
        versions.add(int(match[1]) if match else 0)
    return min(versions)
