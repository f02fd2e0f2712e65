"""What the processes have run into in the last minute."""

from __future__ import annotations

from collections.abc import Iterator

from domain.bootstrap import Container
from domain.read.watch.troubles import troubles as in_words
from domain.telemetry.troubles import all_troubles
from web.doctor.finding import Finding, fail, ok, unknown, warn


def troubles(container: Container) -> Iterator[Finding]:
    look = container.telemetry.look()
    found = list(in_words(all_troubles(look.processes.values())))
    for verdict, words, remedy in found:
        yield (fail if verdict == "unhealthy" else warn)("troubles", words, remedy)
    if not look.complete:
        yield unknown("troubles", "the processes tell of them through Redis, which does not answer")
    elif not found:
        yield ok("troubles", "no process tells of any in the last minute")
