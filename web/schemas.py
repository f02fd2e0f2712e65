"""Schemas that more than one subject uses. All of them refuse unknown fields."""

from __future__ import annotations

import marshmallow as ma

from web import fields


class View(ma.Schema):
    """The base of what queries answer.

    PostgreSQL writes those bodies, so nothing is dumped through these schemas: they are the documentation, and the
    tests hold the bodies against them.
    """


class NoArguments(ma.Schema):
    """The query string of a request that takes none."""


class NoBody(ma.Schema):
    """The body of a command that says everything in its path: none, or an empty object."""

    body_optional = True


class PageArguments(ma.Schema):
    """Which part of a list: *limit* entries from *offset* on, or from where *cursor*, the last answer's, points."""

    limit = fields.QueryWhole(load_default=50, validate=ma.validate.Range(1, 100))
    offset = fields.QueryWhole(load_default=0, validate=ma.validate.Range(0, 10_000))
    cursor = ma.fields.String(load_default=None, allow_none=False, validate=ma.validate.Length(1, 512))


class PaginationView(View):
    limit = ma.fields.Integer(required=True)
    offset = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True)
    total = ma.fields.Integer(required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class OutcomeView(View):
    """What a command answers: the aggregate's id, its version now, and the place in the log up to which it is told."""

    id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    position = ma.fields.String(required=True, metadata={"example": "17-4211"})


class ProblemView(View):
    """An error, as in RFC 9457."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    errors = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.List(ma.fields.String()))
