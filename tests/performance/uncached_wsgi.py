"""The service with its read models but without any cache: each query is put to PostgreSQL.

Waiting, headers, statistics of requests and all else are as they are; only the way through the caches is left out, so
that neither their gain nor their cost is in what is measured.
"""

from __future__ import annotations

import time
from typing import Any

from domain import logs
from domain.bootstrap import bootstrap
from domain.cache.answer import Found, etag_of
from domain.cache.cached_queries import CachedQueries
from domain.model.position import Position
from domain.settings import Settings
from web.app import create_app
from workers.hints import HintSender


class Uncached(CachedQueries):
    """Has no answers but those that it has just read."""

    def get(
        self,
        query: str,
        tenant_id: str,
        arguments: dict[str, Any],
        min_position: Position | None = None,  # noqa: ARG002 - nothing here is older than what was waited for
    ) -> Found:
        loaded = self._read(query, tenant_id, **arguments)
        return Found(loaded.body, loaded.position, (), time.monotonic(), "load", etag_of(loaded.body), bypassed=True)


def wired(settings: Settings) -> Any:
    container = bootstrap(settings, HintSender(settings.redis_url).on_appended)
    caching = container.caching
    caching.queries = Uncached(caching.cache, container.queries.read, caching.hot)
    return create_app(container=container)


_settings = Settings.from_environment()
logs.configure(_settings)
app = wired(_settings)
