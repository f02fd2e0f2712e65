"""Bodies of answers about how the service is."""

from __future__ import annotations

import marshmallow as ma

from web.schemas import View


class LiveView(View):
    status = ma.fields.String(required=True, metadata={"enum": ["live"]})


class ReadyView(View):
    status = ma.fields.String(required=True, metadata={"enum": ["ready", "not ready"]})
    parts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Dict(), required=True)


class HealthView(View):
    """*reasons* say in words why it is not healthy; each part has its own ``status``."""

    status = ma.fields.String(required=True, metadata={"enum": ["healthy", "degraded", "unhealthy"]})
    reasons = ma.fields.List(ma.fields.String(), required=True)
    parts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Dict(), required=True)
