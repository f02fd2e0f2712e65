"""Debian's PostgreSQL and Redis, each with TLS and a certificate that it has signed itself, and a standby."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import IO

import psycopg2
import redis

from tests.debian import program
from tests.e2e.certificates import Certificate, self_signed
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.valkey import EmbeddedValkey

_SECRETS = ("password", "superuser-password")

_WHO_MAY_COME = """\
hostssl all         all 127.0.0.1/32 scram-sha-256
hostssl replication all 127.0.0.1/32 scram-sha-256
"""


def place() -> Path:
    """Make a folder for a server's data that any user may go through, since PostgreSQL can't run as root."""
    directory = Path(tempfile.mkdtemp(prefix="pyairtable-tests-", dir="/var/tmp"))
    directory.chmod(0o711)
    return directory


class TlsPostgres(EmbeddedPostgres):
    """PostgreSQL that lets nobody in without TLS. Its URLs ask for its certificate to be verified."""

    name = "PostgreSQL with TLS"

    _locale = ("--locale=C.UTF-8",)

    def _binaries(self) -> Path:
        return program("postgres", "postgresql").resolve().parent

    @property
    def certificate(self) -> Certificate:
        return Certificate(self.directory / "postgres.crt", self.directory / "postgres.key")

    def _tls(self) -> str:
        return f"sslmode=verify-full&sslrootcert={self.certificate.certificate}"

    def _settings(self) -> dict[str, str]:
        # Debian's may be older than this one.
        settings = {name: value for name, value in super()._settings().items() if name != "scram_iterations"}
        return settings | {
            "ssl": "on",
            "ssl_cert_file": str(self.certificate.certificate),
            "ssl_key_file": str(self.certificate.key),
        }

    def _prepare(self) -> None:
        if not self.certificate.key.exists():
            self_signed(self.directory, "postgres")
        super()._prepare()
        assert self._quarters is not None
        for file in self.certificate:
            self._quarters.give(file)
        (self._data / "pg_hba.conf").write_text(_WHO_MAY_COME)


class Standby(TlsPostgres):
    """A streaming replica of *primary*, which runs."""

    name = "PostgreSQL's standby"

    def __init__(self, directory: Path, primary: TlsPostgres) -> None:
        super().__init__(directory, durable=False)
        self._primary = primary

    def _prepare(self) -> None:
        for secret in _SECRETS:
            shutil.copy(self._primary.directory / secret, self.directory / secret)
        super()._prepare()

    def _initialising(self, binaries: Path, draft: Path, _password: Path) -> tuple[str | Path, ...]:
        source = self._primary.superuser_url
        return (binaries / "pg_basebackup", "-d", source, "-D", draft, "-R", "--checkpoint=fast", "--no-sync")

    def _started(self) -> None:
        """Nothing is left to do: what the primary has comes by itself."""

    def pause(self) -> None:
        """Apply nothing more, while it all goes on to arrive."""
        self._execute("SELECT pg_wal_replay_pause()")

    def go_on(self) -> None:
        """Apply what has arrived meanwhile."""
        self._execute("SELECT pg_wal_replay_resume()")

    def _execute(self, statement: str) -> None:
        connection = psycopg2.connect(self.superuser_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


class TlsRedis(EmbeddedValkey):
    """Redis that has no port without TLS. Nobody vouches for its certificate."""

    name = "Redis with TLS"

    def __init__(self, directory: Path, *, output: IO[bytes] | int | None = None) -> None:
        super().__init__(directory, durable=False, output=output)

    def _binary(self) -> Path:
        return program("redis-server", "redis-server")

    @property
    def certificate(self) -> Certificate:
        return Certificate(self.directory / "redis.crt", self.directory / "redis.key")

    @property
    def url(self) -> str:
        return super().url.replace("redis://", "rediss://", 1)

    @property
    def trusting_url(self) -> str:
        """The URL of a client that knows the certificate."""
        return f"{self.url}?ssl_ca_certs={self.certificate.certificate}"

    def _prepare(self) -> None:
        if not self.certificate.key.exists():
            self_signed(self.directory, "redis")
        super()._prepare()

    def _more_configuration(self) -> str:
        return f"""\
port 0
tls-port {self.port}
tls-cert-file "{self.certificate.certificate}"
tls-key-file "{self.certificate.key}"
tls-auth-clients no
"""

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.trusting_url, socket_timeout=5) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False
