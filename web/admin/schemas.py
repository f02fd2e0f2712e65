"""Bodies of answers for those who run the service."""

from __future__ import annotations

import marshmallow as ma

from web.schemas import View

fields = ma.fields


class ShardLagView(View):
    shard = fields.Integer(required=True)
    lag = fields.Integer(required=True)
    lag_seconds = fields.Float(required=True)
    still_seconds = fields.Float(required=True)


class PauseView(View):
    reason = fields.String(required=True)
    by = fields.String(required=True)
    error = fields.String(required=True, allow_none=True)
    seconds = fields.Float(required=True)


class VerificationView(View):
    seconds_ago = fields.Float(required=True)
    aggregates = fields.Integer(required=True)
    drifted = fields.Integer(required=True)
    drifted_ever = fields.Integer(required=True)


class ProjectionStatusView(View):
    projection = fields.String(required=True)
    state = fields.String(required=True, validate=ma.validate.OneOf(("current", "catching_up", "paused", "diverged")))
    strategy = fields.String(required=True, validate=ma.validate.OneOf(("async", "sync", "batch")))
    applied = fields.Integer(required=True)
    lag = fields.Integer(required=True)
    lag_seconds = fields.Float(required=True)
    events_per_second = fields.Float(required=True, allow_none=True)
    errors = fields.Integer(required=True)
    retries = fields.Integer(required=True)
    parked = fields.Integer(required=True)
    dead = fields.Integer(required=True)
    shards_behind = fields.Integer(required=True)
    shards_still = fields.Integer(required=True)
    shards_diverged = fields.Integer(required=True)
    allowance_seconds = fields.Float(required=True)
    slowest_shards = fields.List(fields.Nested(ShardLagView), required=True)
    paused = fields.Nested(PauseView, required=True, allow_none=True)
    last_verification = fields.Nested(VerificationView, required=True, allow_none=True)


class ProcessView(View):
    host = fields.String(required=True)
    pid = fields.Integer(required=True)
    up_seconds = fields.Float(required=True)


class JobView(View):
    job = fields.String(required=True)
    begun_seconds_ago = fields.Float(required=True)
    succeeded_seconds_ago = fields.Float(required=True, allow_none=True)
    running = fields.Boolean(required=True)
    failed_in_a_row = fields.Integer(required=True)
    error = fields.String(required=True, allow_none=True)


class ClockView(View):
    leader = fields.Nested(ProcessView, required=True, allow_none=True)
    standing_by = fields.Integer(required=True)
    jobs = fields.List(fields.Nested(JobView), required=True)


class ProjectionsStatusView(View):
    status = fields.String(required=True, validate=ma.validate.OneOf(("healthy", "degraded", "unhealthy")))
    reasons = fields.List(fields.String(), required=True)
    projections = fields.List(fields.Nested(ProjectionStatusView), required=True)
    workers = fields.List(fields.Nested(ProcessView), required=True)
    clock = fields.Nested(ClockView, required=True)
