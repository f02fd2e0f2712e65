"""A processor of its own for each web process, where that is asked for."""

from __future__ import annotations

import os
import socket

import structlog

log = structlog.get_logger(__name__)

#: What holds a processor for this process: the kernel takes it back when the process ends, however it ends.
_held: list[socket.socket] = []


def keep_to_one_processor(family: str = "pyairtable-web") -> int | None:
    """Keep this process, and the threads that it starts from now on, to one processor; return its number.

    It is one that no other process of the *family* on this machine holds. None, and nothing done, where each is held,
    or the system (not Linux) has no such thing.

    An interpreter runs one thread at a time. Where these run on several processors, each finds all that the last one
    touched in the other's cache, which costs an answer from memory more than making it.
    """
    if not hasattr(os, "sched_setaffinity"):
        log.warning("WEB_CPU_AFFINITY does nothing on this system.")
        return None
    for processor in sorted(os.sched_getaffinity(0)):
        if _hold(f"{family}-{processor}"):
            os.sched_setaffinity(0, {processor})
            log.info("This process keeps to one processor.", processor=processor)
            return processor
    log.warning("Every processor has a web process that keeps to it; this one keeps to none.")
    return None


def _hold(name: str) -> bool:
    # An abstract address: no file is left behind by whoever is killed.
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind(f"\0{name}")
    except OSError:
        held.close()
        return False
    _held.append(held)
    return True
