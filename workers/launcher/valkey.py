"""A Valkey server (which speaks Redis) from a wheel, for machines that have none."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workers.launcher.binaries import valkey_server
from workers.launcher.ending import end_processes
from workers.launcher.ports import LOOPBACK, remembered_port
from workers.launcher.secret import kept_secret
from workers.launcher.server import EmbeddedServer
from workers.launcher.spawn import spawn

# Its title is left alone, so that the next start can tell by the command line whose process it is.
_CONFIGURATION = """\
bind {host}
port {port}
dir "{data}"
requirepass {password}
maxmemory-policy noeviction
save ""
appendonly {appendonly}
appendfsync everysec
set-proc-title no
crash-log-enabled no
loglevel warning
"""


class EmbeddedValkey(EmbeddedServer):
    """Valkey on the loopback interface, by password. It never evicts. With ``durable=False`` it forgets at its end."""

    name = "valkey"

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

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def _binary(self) -> Path:
        """Return the program. Raises NotInstalled."""
        return valkey_server()

    def _more_configuration(self) -> str:
        """Return lines that go after the others, and take their place where they speak of the same."""
        return ""

    @property
    def _password(self) -> str:
        return kept_secret(self.directory / "password")

    @property
    def _configuration(self) -> Path:
        return self.directory / "valkey.conf"

    def _prepare(self) -> None:
        (self.directory / "data").mkdir(mode=0o700, exist_ok=True)
        _stop_left_over(self.directory / "pid", self._configuration)

    def _choose_port(self) -> int:
        return remembered_port(self.directory / "port", self.default_port)

    def _spawn(self, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        text = _CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            data=self.directory / "data",
            password=self._password,
            appendonly="yes" if self._durable else "no",
        )
        text += self._more_configuration()
        with os.fdopen(os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text)
        process = spawn((self._binary(), self._configuration), directory=self.directory, output=output)
        (self.directory / "pid").write_text(f"{process.pid}\n")
        return process

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=5)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _ask_to_stop(self) -> None:
        assert self.process is not None  # noqa: S101 - the caller has looked
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        super().stop()
        (self.directory / "pid").unlink(missing_ok=True)


def _stop_left_over(pid_file: Path, configuration: Path) -> None:
    """Stop a server that a killed launcher has left: two on the same data would destroy them."""
    try:
        process = psutil.Process(int(pid_file.read_text()))
        if str(configuration) in process.cmdline():
            end_processes([process])
    except (psutil.NoSuchProcess, FileNotFoundError, ValueError):
        pass
    pid_file.unlink(missing_ok=True)
