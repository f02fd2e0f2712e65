"""Traces, where somebody collects them: spans of what a request leads to, in all processes that have to do with it.

Off unless the settings name a collector, and then each of these costs one look at an attribute.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import structlog

from domain.settings import Settings

if TYPE_CHECKING:
    from domain.tracing.spans import Spans

log = structlog.get_logger(__name__)

#: What a span stands for: a request from elsewhere, a message, or work of our own.
Kind = Literal["server", "consumer", "internal"]

Attributes = Mapping[str, str | int | float | Sequence[str] | Sequence[int]]

_OFF: AbstractContextManager[Any] = nullcontext()


class _Tracing:
    #: None: off.
    spans: Spans | None = None
    lock = threading.Lock()


def configure(settings: Settings, process: str) -> None:
    """Begin to trace if the settings say so. *process* says which kind of process this is."""
    if not settings.tracing:
        return
    try:
        from domain.tracing.spans import Spans
    except ImportError:
        log.warning("Nothing is traced: a collector is set, and the extra otel is not installed.")
        return
    with _Tracing.lock:
        if _Tracing.spans is None:
            _Tracing.spans = Spans.exported(process)


def use(spans: Spans | None) -> None:
    """Trace with *spans* from now on; None: not at all."""
    _Tracing.spans = spans


def shutdown() -> None:
    """Send what was not sent yet. Waits for the collector for a few seconds at most."""
    if _Tracing.spans is not None:
        _Tracing.spans.shutdown()


def is_on() -> bool:
    return _Tracing.spans is not None


def span(
    name: str, attributes: Attributes | None = None, *, parent: str | None = None, kind: Kind = "internal"
) -> AbstractContextManager[Any]:
    """Lend a span that ends with the block: within the present one, or within *parent*, a traceparent.

    Of an error that ends it only the class is told, since its text may repeat what is in an event.
    """
    return _OFF if _Tracing.spans is None else _Tracing.spans.span(name, attributes, parent=parent, kind=kind)


def batch(
    name: str, attributes: Attributes | None, traceparents: Sequence[str | None], began: int
) -> AbstractContextManager[Any]:
    """Lend a span of work, *began* at a time in nanoseconds, that requests with these *traceparents* have led to.

    It goes on with the one trace that there is, or with the present one, and has links to the others.
    """
    return _OFF if _Tracing.spans is None else _Tracing.spans.batch(name, attributes, traceparents, began)


def note(attributes: Attributes, *, failed: bool = False) -> None:
    """Add to the present span what was not known when it began."""
    if _Tracing.spans is not None:
        _Tracing.spans.note(attributes, failed=failed)


def traceparent() -> str | None:
    """Return the present span as others go on with it (W3C Trace Context); None where there is none."""
    return None if _Tracing.spans is None else _Tracing.spans.traceparent()
