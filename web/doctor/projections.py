"""The checkpoints against the log, the workers, the clock, and what the numbers mean in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.bootstrap import Container
from domain.read.guard import divergences
from domain.read.watch.health import NO_CLOCK, NO_WORKER, reasons
from web.doctor.finding import Finding, fail, ok, warn

#: What reasons() says of these has a line of its own here, with advice of its own.
_OWN = ("is past the log", "no worker is alive", "no clock is alive", "times in a row")


def projections(container: Container) -> Iterator[Finding]:
    status = container.monitor.status()
    yield _checkpoints(container, status)
    workers = status["workers"]
    if workers:
        yield ok("workers", f"{len(workers)} alive: {', '.join(_name(each) for each in workers)}")
    else:
        yield fail("workers", "none is alive", NO_WORKER)
    yield from _clock(status["clock"])
    told = [each for each in reasons(status, redis=True) if not any(words in each.words for words in _OWN)]
    if not told:
        yield ok("projections", "each follows its events")
    for verdict, words, remedy in told:
        yield (fail if verdict == "unhealthy" else warn)("projections", words, remedy)


def checkpoints(container: Container) -> Iterator[Finding]:
    """The checkpoints alone, which tell the same whatever runs."""
    yield _checkpoints(container, container.monitor.status())


def _checkpoints(container: Container, status: Mapping[str, Any]) -> Finding:
    if apart := divergences(container.read_pool, container.event_store):
        return fail(
            "checkpoints",
            f"{len(apart)} are of another log: {apart[0]}. The event store was restored from an older backup",
            "Make the read models anew: flask --app web projections start-over. Nothing is folded till then; "
            "web/handbook/restore.md has all the steps.",
        )
    lag = max((each["lag"] for each in status["projections"]), default=0)
    return ok("checkpoints", f"each is of this log; {lag:,} events behind at most")


def _clock(clock: Mapping[str, Any]) -> Iterator[Finding]:
    if clock["leader"] is None:
        yield fail("clock", "none is alive, or none of those alive leads", NO_CLOCK)
    else:
        yield ok("clock", f"{_name(clock['leader'])} leads, {clock['standing_by']} stand by")
    for job in clock["jobs"]:
        if job["failed_in_a_row"]:
            yield warn(
                "clock",
                f"its job {job['job']} has failed {job['failed_in_a_row']} times in a row: {job['error']}",
                "The clock's log has the trace.",
            )


def _name(process: Mapping[str, Any]) -> str:
    return f"{process['host']}:{process['pid']}"
