"""How far a long command is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Lend a function to be called, from any thread, once for each of the *total* things done."""
    lock = threading.Lock()
    if sys.stdout.isatty():
        with click.progressbar(length=total, label=label, show_pos=True, update_min_steps=20) as bar:

            def advance() -> None:
                with lock:
                    bar.update(1)

            yield advance
        return
    count = 0

    def report() -> None:
        nonlocal count
        with lock:
            count += 1
            if count * 10 // total > (count - 1) * 10 // total:
                click.echo(f"{label}: {count:,} of {total:,}")

    yield report
