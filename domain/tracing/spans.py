"""Spans by OpenTelemetry. Imported only where traces are collected, so that nothing else needs its packages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from domain.tracing import Attributes, Kind

#: So many links has a span at most.
MOST_LINKS = 64

#: Milliseconds between two times that spans are sent, unless OTEL_BSP_SCHEDULE_DELAY says otherwise. A web process that
#: ends loses what it has not sent.
_DELAY = 1000

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

_KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER, "internal": SpanKind.INTERNAL}


class Spans:
    """Makes spans with the tracer of *provider*."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pyairtable-cqrs")

    @classmethod
    def exported(cls, process: str) -> Spans:
        """Return one that sends its spans as the OTEL_ variables of the environment say."""
        name = os.environ.get("OTEL_SERVICE_NAME") or f"pyairtable-cqrs-{process}"
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
        delay = None if os.environ.get("OTEL_BSP_SCHEDULE_DELAY") else _DELAY
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=delay))
        return cls(provider)

    def shutdown(self) -> None:
        self._provider.shutdown()

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Attributes | None = None,
        *,
        parent: str | None = None,
        kind: Kind = "internal",
        links: Sequence[SpanContext] = (),
        began: int | None = None,
    ) -> Iterator[None]:
        remote = _context(parent)
        with self._tracer.start_as_current_span(
            name,
            None if remote is None else trace.set_span_in_context(NonRecordingSpan(remote)),
            kind=_KINDS[kind],
            attributes=attributes,
            links=[Link(each) for each in links],
            start_time=began,
            # An error's own text may repeat what is in an event, such as an e-mail address.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    @contextmanager
    def batch(
        self, name: str, attributes: Attributes | None, traceparents: Sequence[str | None], began: int
    ) -> Iterator[None]:
        contexts = {text: context for text in traceparents if text and (context := _context(text))}
        here = trace.get_current_span().get_span_context()
        traces = {context.trace_id for context in contexts.values()}
        parent = None
        # What is folded for one trace belongs to it, whoever's hint has brought it up.
        if traces and (not here.is_valid or traces != {here.trace_id}) and (len(traces) == 1 or not here.is_valid):
            sampled = [text for text, context in contexts.items() if context.trace_flags.sampled]
            parent = (sampled or list(contexts))[0]
        own = contexts[parent].trace_id if parent else here.trace_id
        links = [each for each in contexts.values() if each.trace_id != own]
        if parent and here.is_valid:
            links.append(here)
        with self.span(name, attributes, parent=parent, links=links[:MOST_LINKS], began=began):
            yield

    def note(self, attributes: Attributes, *, failed: bool = False) -> None:
        span = trace.get_current_span()
        span.set_attributes(dict(attributes))
        if failed:
            span.set_status(Status(StatusCode.ERROR))

    def traceparent(self) -> str | None:
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _context(traceparent: str | None) -> SpanContext | None:
    """Return whom *traceparent* names; None for anything that is none."""
    match = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    trace_id, span_id, flags = (int(each, 16) for each in match.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None
