"""Bodies of requests and answers about the cache."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from domain.cache.keys import KINDS
from domain.model import fields as model
from web import fields
from web.schemas import View

#: The most tags that a request may name, and the most answers that a warm-up may load.
MOST_TAGS, MOST_KEYS = 100, 10_000


class InvalidateBody(ma.Schema):
    """One of *tags*, *key*, *class* and *pattern*, within *tenant_id* if there is one; a tenant alone is all it has."""

    constraints: ClassVar[dict[str, Any]] = {
        "oneOf": [
            *({"required": [name]} for name in ("tags", "key", "class", "pattern")),
            {
                "required": ["tenant_id"],
                "not": {"anyOf": [{"required": [name]} for name in ("tags", "key", "class", "pattern")]},
            },
        ],
        "examples": [{"tenant_id": "11111111-2222-4333-8444-555555555555", "class": next(iter(KINDS))}],
    }

    tenant_id = fields.Id()
    tags = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(1, 100)), validate=ma.validate.Length(1, MOST_TAGS)
    )
    key = fields.Text(model.identifier)
    query = fields.choice(tuple(KINDS), data_key="class")
    pattern = fields.Text(model.identifier)


class InvalidatedView(View):
    """*tenants* is null where it was all of them."""

    tenants = ma.fields.Integer(required=True, allow_none=True)
    tags = ma.fields.List(ma.fields.String(), required=True)


class WarmUpBody(ma.Schema):
    """Warm the hottest keys of all tenants, or of one, up to *limit*."""

    body_optional = True
    tenant_id = fields.Id()
    limit = fields.Whole(validate=ma.validate.Range(1, MOST_KEYS))


class WarmUpView(View):
    id = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(("waiting", "running", "done", "failed")))
    by = ma.fields.String(required=True)
    tenant_id = ma.fields.UUID(required=True, allow_none=True)
    limit = ma.fields.Integer(required=True)
    keys = ma.fields.Integer(required=True)
    done = ma.fields.Integer(required=True)
    loaded = ma.fields.Integer(required=True)
    seconds = ma.fields.Float(required=True)
    error = ma.fields.String(required=True, allow_none=True)


class RedisView(View):
    used_memory = ma.fields.Integer(required=True)
    maxmemory = ma.fields.Integer(required=True)
    maxmemory_policy = ma.fields.String(required=True)
    evicted_keys = ma.fields.Integer(required=True)
    connected_clients = ma.fields.Integer(required=True)


class CacheStatsView(View):
    """*counters*: level, query, what happened, how often, over all processes. What another one loaded is no hit."""

    hit_ratio = ma.fields.Float(required=True, allow_none=True)
    hit_ratios = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Float(allow_none=True), required=True)
    counters = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Dict(), required=True)
    processes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Dict(), required=True)
    redis = ma.fields.Nested(RedisView, required=True, allow_none=True)
