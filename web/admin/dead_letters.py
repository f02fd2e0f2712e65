"""Events that can't be folded: to be listed, inspected, retried and skipped."""

from __future__ import annotations

from typing import Any

from flask import Response

from web import failures, operations
from web.admin.blueprint import blueprint
from web.admin.dead_letter_schemas import (
    DeadLettersArguments,
    DeadLettersView,
    DeadLetterView,
    InspectionView,
    RetriedView,
    RetryClassBody,
    SkipBody,
    SkippedArguments,
    SkippedView,
)
from web.context import container
from web.fresh import fresh
from web.schemas import NoArguments, NoBody


@blueprint.route("/dead-letters")
@blueprint.arguments(DeadLettersArguments, location="query")
@blueprint.response(200, DeadLettersView)
def list_dead_letters(arguments: dict[str, Any]) -> Response:
    """List the aggregates that stand still because an event of theirs can't be folded"""
    return fresh(failures.page(**arguments))


@blueprint.route("/dead-letters/skipped")
@blueprint.arguments(SkippedArguments, location="query")
@blueprint.response(200, SkippedView)
def list_skipped_events(arguments: dict[str, Any]) -> Response:
    """List the events that were left out on somebody's word, with the word"""
    return fresh(failures.skips(**arguments))


@blueprint.route("/dead-letters/<name:letter_id>")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, InspectionView)
def show_dead_letter(letter_id: str) -> Response:
    """Show the event that fails, with its payload, the error, and the events that wait behind it"""
    return fresh(failures.inspection(container().dead_letters.show(letter_id)))


@blueprint.route("/dead-letters/<name:letter_id>/retry", methods=["POST"])
@blueprint.arguments(NoBody)
@blueprint.response(202, DeadLetterView)
def retry_dead_letter(_body: dict[str, Any], letter_id: str) -> Response:
    """Try an event again at once"""
    return fresh(failures.dead_letter(operations.retry(letter_id)), 202)


@blueprint.route("/dead-letters/retry", methods=["POST"])
@blueprint.arguments(RetryClassBody)
@blueprint.response(202, RetriedView)
def retry_dead_letters(body: dict[str, Any]) -> Response:
    """Try again at once all events that failed with one class of error"""
    return fresh({"retried": len(operations.retry_class(**body))}, 202)


@blueprint.route("/dead-letters/<name:letter_id>/skip", methods=["POST"])
@blueprint.arguments(SkipBody)
@blueprint.response(202, DeadLetterView)
def skip_dead_letter(body: dict[str, Any], letter_id: str) -> Response:
    """Leave out the event that fails, on record; the aggregate goes on with the next one"""
    return fresh(failures.dead_letter(operations.skip(letter_id, body["reason"])), 202)
