"""Choosing TCP ports on the loopback interface."""

from __future__ import annotations

import errno
import random
import socket
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"

#: Below the range from which kernels take the ports of outgoing connections: there, a client that keeps trying to reach
#: a stopped server may in the end be connected to itself, and the server finds its port taken.
FREE_RANGE = range(20_000, 32_000)


class CannotListen(Exception):
    """This user can't listen there on this machine, whatever else runs. Says whether it is for HOST or for PORT."""


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on *port* now. Raises CannotListen where none ever could."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Only listening finds a socket that is bound to the port and reuses addresses as this one does.
            probe.listen(1)
        except PermissionError:
            raise CannotListen(
                f"PORT: this user may not listen on {port}. Choose another: PORT=8000 make run"
            ) from None
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return False
            reason = error.strerror if isinstance(error, OSError) else "no such name"
            raise CannotListen(f"HOST: this machine can't listen on {host}: {reason}") from None
        return True


def free_port(*preferred: int) -> int:
    """Return the first of the *preferred* ports that is free, else any that is."""
    # Not from a seed, which several processes may share that then all want the same port.
    others = random.SystemRandom().sample(FREE_RANGE, 100)
    for port in (*preferred, *others):
        with suppress(CannotListen):
            if is_free(port):
                return port
    raise OSError("No free TCP port was found on the loopback interface.")


def remembered_port(file: Path, default: int | None) -> int:
    """Return the port written in *file* if it is free, else *default*, else another, and write it down."""
    known = int(file.read_text()) if file.exists() and file.read_text().strip().isdigit() else None
    port = free_port(*(port for port in (known, default) if port is not None))
    file.write_text(f"{port}\n")
    return port
