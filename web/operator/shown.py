"""A page with what all pages have in common: how the service is, who looks, and what is said after a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg2
import redis
import sqlalchemy.exc
import structlog
from flask import Response, render_template

from domain.model.errors import Unavailable
from web.context import actor, container
from web.health.whole import Whole, whole
from web.operator import forms

log = structlog.get_logger(__name__)

T = TypeVar("T")

_OUTAGES = (
    psycopg2.Error,
    redis.RedisError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    Unavailable,
    OSError,
)


def shown(template: str, health: Whole | None = None, **context: Any) -> Response:
    """Return the page that *template* makes of *context*."""
    health = health or whole(container())
    body = render_template(
        template,
        health=health,
        dead_letters_waiting=_standing_still(health),
        said=forms.said(),
        who=actor().id,
        **context,
    )
    return Response(body, content_type="text/html; charset=utf-8")


def unless_out(ask: Callable[[], T]) -> T | None:
    """Return what *ask* does; None where the part that it asks is down, so that the rest of a page can be shown."""
    try:
        return ask()
    except _OUTAGES as error:
        log.warning("A part of the operator's page can't be shown.", error=type(error).__name__)
        return None


def _standing_still(health: Whole) -> int:
    status = health.status or {"projections": []}
    return sum(each["parked"] + each["dead"] for each in status["projections"])
