"""A backup of the event store: a folder with what pg_dump makes of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2

from domain.model.errors import DomainError
from domain.postgres.url import parameters
from domain.restore.programs import Programs, find_programs

#: The part with write_schema, and the one with what is skipped on record: the only rows of read_schema that no event
#: accounts for, and without which a rebuild would stumble again over what somebody has decided about.
_EVENTS, _SKIPS = "write_schema", "skipped_events"

#: What all dumps and restores have in common.
_ALIKE = ("--enable-row-security", "--no-owner", "--no-privileges")


class NotABackup(DomainError):
    """{folder} holds no backup: there is no {part} in it."""


class FolderUnusable(DomainError):
    """{folder} can't be used: {reason}"""


class FolderNotEmpty(DomainError):
    """{folder} is not empty."""


class NotEmpty(DomainError):
    """There is a {schema} already in the database that the backup should be put into. Give an empty one."""


class Backup:
    """A backup in *folder*."""

    def __init__(self, folder: Path, programs: Iterable[Path] = ()) -> None:
        """*programs*: folders in which pg_dump and pg_restore may be, besides the usual ones."""
        self.folder = folder
        self._programs = list(programs)

    def take(self, write_url: str, read_url: str, jobs: int = 2) -> Programs:
        """Dump into the folder while events go on; return what it was done with. If it fails nothing is left of it.

        Raises FolderUnusable, FolderNotEmpty, ProgramsMissing, and what Programs.run() does.

        Of write_schema it is one moment. What is skipped is dumped after it, so nothing is missing that was skipped
        among its events.
        """
        with self._made():
            programs = self._fit(write_url)
            directory = ["--format=directory", f"--jobs={jobs}", f"--file={self.folder / _EVENTS}"]
            programs.run("pg_dump", write_url, [*_ALIKE, *directory, "--schema=write_schema"])
            rows = ["--data-only", "--inserts", "--format=custom", f"--file={self.folder / _SKIPS}"]
            self._fit(read_url).run("pg_dump", read_url, [*_ALIKE, *rows, "--table=read_schema.skipped_events"])
        return programs

    def put_back(self, url: str, jobs: int = 2) -> Programs:
        """Restore write_schema into the empty database at *url*. Raises NotEmpty, NotABackup, and as take()."""
        self._needs(_EVENTS)
        for schema in ("write_schema", "read_schema"):
            if _ask(url, "SELECT to_regnamespace(%s) IS NOT NULL", schema):
                raise NotEmpty(schema=schema)
        programs = self._fit(url)
        programs.run("pg_restore", url, [*_ALIKE, "--exit-on-error", f"--jobs={jobs}", str(self.folder / _EVENTS)])
        return programs

    def put_skips_back(self, url: str) -> None:
        """Restore what is skipped, into a read_schema that has been made anew and has folded nothing yet."""
        self._needs(_SKIPS)
        self._fit(url).run("pg_restore", url, [*_ALIKE, "--exit-on-error", str(self.folder / _SKIPS)])

    def bytes(self) -> int:
        """Return how large it is."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    @contextmanager
    def _made(self) -> Iterator[None]:
        """Have the folder there, and empty; where what is done in it fails, take away all that was not there before."""
        new: list[Path] = []
        try:
            new += [each for each in (self.folder, *self.folder.parents) if not each.exists()]
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise FolderNotEmpty(folder=self.folder)
        except OSError as error:
            _remove(new)
            raise FolderUnusable(folder=self.folder, reason=error.strerror) from None
        try:
            yield
        except BaseException:
            shutil.rmtree(self.folder / _EVENTS, ignore_errors=True)
            (self.folder / _SKIPS).unlink(missing_ok=True)
            _remove(new)
            raise

    def _needs(self, part: str) -> None:
        if not (self.folder / part).exists():
            raise NotABackup(folder=self.folder, part=part)

    def _fit(self, url: str) -> Programs:
        version = _ask(url, "SELECT current_setting('server_version_num')::int / 10000")
        return find_programs(version, self._programs)


def _remove(folders: Iterable[Path]) -> None:
    """Remove those of *folders*, the innermost first, that are there and empty."""
    for each in folders:
        with suppress(OSError):
            each.rmdir()


def _ask(url: str, sql: str, *values: str) -> int:
    with (
        closing(psycopg2.connect(**{"connect_timeout": 5, **parameters(url)})) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)
        return int((cursor.fetchone() or (0,))[0])
