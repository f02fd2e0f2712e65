"""Bodies of answers for those who run the service."""

from __future__ import annotations

import marshmallow as ma

from web.schemas import View


class ShardLagView(View):
    shard = ma.fields.Integer(required=True)
    lag = ma.fields.Integer(required=True)


class ProjectionStatusView(View):
    projection = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(("current", "catching_up", "diverged")))
    applied = ma.fields.Integer(required=True)
    lag = ma.fields.Integer(required=True)
    shards_behind = ma.fields.Integer(required=True)
    shards_diverged = ma.fields.Integer(required=True)
    slowest_shards = ma.fields.List(ma.fields.Nested(ShardLagView), required=True)


class ProjectionsStatusView(View):
    projections = ma.fields.List(ma.fields.Nested(ProjectionStatusView), required=True)
