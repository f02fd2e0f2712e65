"""The spans of messages."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any

import dramatiq

from domain import tracing


class Tracing(dramatiq.Middleware):
    """Goes on with the trace of whoever sent a message, while it is processed.

    A message that nobody's request has led to begins none: its batch goes on with the traces of its events.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def before_process_message(self, _broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        parent = message.options.get("traceparent") if tracing.is_on() else None
        if parent is not None:
            span = tracing.span(message.actor_name, parent=parent, kind="consumer")
            span.__enter__()
            self._local.span = span

    def after_process_message(self, *_args: Any, **_kwargs: Any) -> None:
        span: AbstractContextManager[Any] | None = self._local.__dict__.pop("span", None)
        if span is not None:
            span.__exit__(None, None, None)

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self.after_process_message(broker, message)
