"""Bodies of requests and answers about what stands still."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from domain.model import fields as model
from domain.model.errors import Invalid
from web import fields
from web.schemas import View

STATES = ("parked", "dead")


def reason(field: str, value: object) -> Any:
    """What is written down for those who come later."""
    found = model.reason(field, value)
    if found is None:
        raise Invalid(field=field, reason="a reason is needed")
    return found


def _reason() -> fields.Text:
    return fields.Text(reason, required=True, minLength=1, maxLength=model.REASON_LENGTH, format=fields.LINE)


def _word(*, required: bool = False) -> ma.fields.String:
    """The name of a projection or of an error's class."""
    return ma.fields.String(required=required, validate=ma.validate.Regexp(r"^[A-Za-z0-9_.]{1,100}$"))


class DeadLettersArguments(ma.Schema):
    """Which of them, newest first; *cursor* is the last answer's."""

    state = fields.choice(STATES)
    projection = _word()
    error_class = _word()
    limit = fields.QueryWhole(load_default=50, validate=ma.validate.Range(1, 100))
    cursor = ma.fields.String(load_default=None, allow_none=False, validate=ma.validate.Length(1, 512))


class SkippedArguments(ma.Schema):
    """Which of them, newest first; *cursor* is the last answer's."""

    projection = _word()
    error_class = _word()
    limit = fields.QueryWhole(load_default=50, validate=ma.validate.Range(1, 100))
    cursor = ma.fields.String(load_default=None, allow_none=False, validate=ma.validate.Length(1, 512))


class RetryClassBody(ma.Schema):
    error_class = _word(required=True)
    projection = _word()


class SkipBody(ma.Schema):
    reason = _reason()


class PauseBody(ma.Schema):
    reason = _reason()


class ResumeBody(ma.Schema):
    """*park*: for ten minutes park whatever fails, however many aggregates it is, instead of pausing again."""

    reason = _reason()
    park = fields.Flag(load_default=False)


class DeadLetterView(View):
    id = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    projection = ma.fields.String(required=True)
    tenant_id = ma.fields.UUID(required=True)
    aggregate_type = ma.fields.String(required=True)
    aggregate_id = ma.fields.UUID(required=True)
    event_type = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)
    position = ma.fields.String(required=True, metadata={"example": "17-4211"})
    error_class = ma.fields.String(required=True)
    error_text = ma.fields.String(required=True)
    attempts = ma.fields.Integer(required=True)
    parked_at = ma.fields.String(required=True, metadata={"format": "date-time"})
    last_attempt_at = ma.fields.String(required=True, metadata={"format": "date-time"})
    next_attempt_at = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    dead_at = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})


class DeadLettersView(View):
    dead_letters = ma.fields.List(ma.fields.Nested(DeadLetterView), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class SkippedEventView(View):
    projection = ma.fields.String(required=True)
    tenant_id = ma.fields.UUID(required=True)
    aggregate_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    position = ma.fields.String(required=True, metadata={"example": "17-4211"})
    event_type = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    skipped_by = ma.fields.String(required=True)
    skipped_at = ma.fields.String(required=True, metadata={"format": "date-time"})
    error_class = ma.fields.String(required=True)
    error_text = ma.fields.String(required=True)


class SkippedView(View):
    skipped_events = ma.fields.List(ma.fields.Nested(SkippedEventView), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class WaitingEventView(View):
    event_id = ma.fields.UUID(required=True)
    event_type = ma.fields.String(required=True)
    schema_version = ma.fields.Integer(required=True)
    version = ma.fields.Integer(required=True)
    position = ma.fields.String(required=True)
    occurred_at = ma.fields.String(required=True, metadata={"format": "date-time"})


class FailedEventView(WaitingEventView):
    """The event that fails. The payload is text where it can't be decoded."""

    payload = ma.fields.Raw(required=True)
    metadata = ma.fields.Raw(required=True)


class InspectionView(DeadLetterView):
    error_trace = ma.fields.String(required=True)
    event = ma.fields.Nested(FailedEventView, required=True)
    waiting_events = ma.fields.List(ma.fields.Nested(WaitingEventView), required=True)
    more_waiting = ma.fields.Boolean(required=True)


class RetriedView(View):
    retried = ma.fields.Integer(required=True)


class ProjectionStateView(View):
    projection = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(("running", "paused")))
    reason = ma.fields.String(required=True, allow_none=True)
    changed_by = ma.fields.String(required=True, allow_none=True)
    since = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
