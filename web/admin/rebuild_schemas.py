"""Bodies of requests and answers about rebuilds, repairs and verifications."""

from __future__ import annotations

import marshmallow as ma

from web import fields
from web.schemas import View

#: How many aggregates of each projection a request may have verified; the command line does them all.
MOST = 1000


class RebuildBody(ma.Schema):
    """*compare*: compare all rows with the live ones before the cut-over. Without *cut_over* that is all."""

    body_optional = True
    compare = fields.Flag(load_default=False)
    cut_over = fields.Flag(load_default=True)


class RepairBody(ma.Schema):
    tenant_id = fields.Id(required=True)
    aggregate_id = fields.Id(required=True)


class VerifyBody(ma.Schema):
    """How many aggregates of each projection, and which projections; none named are all."""

    body_optional = True
    sample = fields.Whole(load_default=20, validate=ma.validate.Range(1, MOST))
    projections = ma.fields.List(ma.fields.String(), load_default=[], validate=ma.validate.Length(max=20))


class ComparisonView(View):
    shards = ma.fields.Integer(required=True)
    different = ma.fields.Integer(required=True)
    tables = ma.fields.Dict(required=True)


class RebuildView(View):
    id = ma.fields.Integer(required=True)
    projection = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(("rebuild", "way_back")))
    state = ma.fields.String(required=True)
    running = ma.fields.Boolean(required=True)
    compare = ma.fields.Boolean(required=True)
    cut_over = ma.fields.Boolean(required=True)
    started_by = ma.fields.String(required=True)
    started_at = ma.fields.String(required=True)
    finished_at = ma.fields.String(required=True, allow_none=True)
    seconds = ma.fields.Float(required=True)
    events = ma.fields.Integer(required=True)
    folded = ma.fields.Integer(required=True)
    parked = ma.fields.Integer(required=True)
    events_per_second = ma.fields.Integer(required=True)
    seconds_left = ma.fields.Float(required=True, allow_none=True)
    comparison = ma.fields.Nested(ComparisonView, required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True)
    way_back = ma.fields.Boolean(required=True)


class DifferenceView(View):
    table = ma.fields.String(required=True)
    key = ma.fields.Dict(required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(("missing", "extra", "changed")))
    columns = ma.fields.List(ma.fields.String(), required=True)


class RepairView(View):
    projection = ma.fields.String(required=True)
    tenant_id = ma.fields.String(required=True)
    aggregate_id = ma.fields.String(required=True)
    position = ma.fields.String(required=True)
    rows = ma.fields.Integer(required=True)
    repaired = ma.fields.Integer(required=True)
    differences = ma.fields.List(ma.fields.Nested(DifferenceView), required=True)


class VerificationReportView(View):
    projection = ma.fields.String(required=True)
    complete = ma.fields.Boolean(required=True)
    aggregates = ma.fields.Integer(required=True)
    rows = ma.fields.Integer(required=True)
    drifted = ma.fields.Integer(required=True)
    drifted_ever = ma.fields.Integer(required=True)
    examples = ma.fields.List(ma.fields.Nested(DifferenceView), required=True)
    verified_at = ma.fields.String(required=True)


class VerificationsView(View):
    verifications = ma.fields.List(ma.fields.Nested(VerificationReportView), required=True)
