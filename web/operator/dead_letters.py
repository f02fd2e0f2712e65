"""What stands still: to be looked at, tried again, and left out."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request, url_for

from domain.read.dead_letters import DeadLetter
from web import failures, operations
from web.admin.dead_letter_schemas import DeadLettersArguments, RetryClassBody, SkipBody, SkippedArguments
from web.context import container
from web.operator import forms
from web.operator.blueprint import blueprint
from web.operator.shown import shown


@blueprint.route("/dead-letters")
def dead_letters() -> Response:
    """List the aggregates that stand still"""
    asked = forms.loaded(DeadLettersArguments, **request.args.to_dict())
    found = failures.page(**asked)
    classes = sorted({each["error_class"] for each in found["dead_letters"]})
    return shown("dead_letters.html", **found, classes=classes, asked=asked)


@blueprint.route("/dead-letters/skipped")
def skipped_events() -> Response:
    """List the events that are left out for good, with who said so and why"""
    asked = forms.loaded(SkippedArguments, **request.args.to_dict())
    return shown("skipped.html", **failures.skips(**asked), asked=asked)


@blueprint.route("/dead-letters/<name:letter_id>")
def dead_letter(letter_id: str) -> Response:
    """Show the event that fails, and what waits behind it"""
    return shown("dead_letter.html", letter=failures.inspection(container().dead_letters.show(letter_id)))


@blueprint.route("/dead-letters/<name:letter_id>/retry", methods=["POST"])
def retry_dead_letter(letter_id: str) -> Response:
    """Try an event again at once"""
    letter = operations.retry(letter_id)
    words = f"{letter.event_type} at {letter.position} is tried again{_when([letter])}."
    return forms.done(f"{words} It leaves the list once it has been folded.", url_for("operator.dead_letters"))


@blueprint.route("/dead-letters/retry", methods=["POST"])
def retry_dead_letters() -> Response:
    """Try all events again that failed with one class of error"""
    body = forms.loaded(
        RetryClassBody, error_class=request.form.get("error_class"), projection=request.form.get("projection")
    )
    retried = operations.retry_class(**body)
    events = "1 event is" if len(retried) == 1 else f"{len(retried):,} events are"
    return forms.done(f"{events} tried again{_when(retried)}. What has been folded leaves the list.")


def _when(letters: Sequence[DeadLetter]) -> str:
    waiting = failures.waiting(letters)
    return f" {waiting}" if waiting else ""


@blueprint.route("/dead-letters/<name:letter_id>/skip", methods=["POST"])
def skip_dead_letter(letter_id: str) -> Response:
    """Leave out the event that fails, on record"""
    body = forms.loaded(SkipBody, reason=request.form.get("reason"))
    letter = operations.skip(letter_id, body["reason"])
    words = f"{letter.event_type} at {letter.position} is left out of {letter.projection} for good, on record."
    return forms.done(words, url_for("operator.dead_letters"))
