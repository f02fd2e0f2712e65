"""Where a server is."""

from __future__ import annotations

import ipaddress


def is_near(host: str | None) -> bool:
    """Whether what is sent to *host* stays on this machine: a socket, or the loopback interface."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
