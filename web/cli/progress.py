"""How far a long command is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click


class Show(Protocol):
    """Is told how many of how many things are done, and in which *state* that is."""

    def __call__(self, done: int, total: int, state: str = "") -> None: ...


@contextmanager
def progress(label: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Lend a function to be called, from any thread, once for each of the *total* things done."""
    lock, count = threading.Lock(), 0
    with counted(label, quiet=quiet) as show:

        def advance() -> None:
            nonlocal count
            with lock:
                count += 1
                show(count, total)

        yield advance


@contextmanager
def counted(label: str, *, quiet: bool = False) -> Iterator[Show]:
    """Lend a function to be told how far it is: by somebody who looks, of a whole that may grow.

    Where there is no terminal it prints a line at each tenth, and where the state is another. *quiet*: nothing at all.
    """
    if quiet:
        yield lambda _done, _total, _state="": None
    elif sys.stdout.isatty():
        bar: Any = click.progressbar(length=1, label=label, show_pos=True, update_min_steps=1)
        with bar as shown:
            yield _on_a_bar(shown, label)
    else:
        yield _in_lines(label)


def _on_a_bar(bar: Any, label: str) -> Show:
    def show(done: int, total: int, state: str = "") -> None:
        bar.length = max(1, total)
        bar.label = f"{label}: {state}" if state else label
        # What takes the last step redraws the bar, so that a label that has changed is seen.
        bar.update(done - bar.pos)

    return show


def _in_lines(label: str) -> Show:
    last: tuple[int, str] = (0, "")

    def show(done: int, total: int, state: str = "") -> None:
        nonlocal last
        reached = (done * 10 // max(1, total), state)
        if reached != last:
            last = reached
            click.echo(f"{label}: {f'{state}, ' if state else ''}{done:,} of {total:,}")

    return show
