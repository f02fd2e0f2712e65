"""The queries, with the cache before them."""

from __future__ import annotations

from typing import Any, Protocol

from domain.cache.answer import Found, Loaded
from domain.cache.cache import Cache
from domain.cache.hot import Hot
from domain.cache.keys import Key, key_of, parse
from domain.cache.loading import Loader
from domain.model.position import Position


class Read(Protocol):
    """Answers a query out of the database, and says at which position it did."""

    def __call__(self, query: str, tenant_id: str, **arguments: Any) -> Loaded: ...


class CachedQueries:
    """Answers queries as *read* would, or would have a moment ago.

    Nobody's right to see an answer is checked here: whoever asks has been let through to the tenant before.
    """

    def __init__(self, cache: Cache, read: Read, hot: Hot, *, aside: bool = False) -> None:
        """*aside*: who doesn't find an answer loads it itself, and never waits for another one who does."""
        self._cache = cache
        self._read = read
        self._hot = hot
        self._aside = aside

    def get(self, query: str, tenant_id: str, arguments: dict[str, Any], min_position: Position | None = None) -> Found:
        """Return the answer to *query*. Raises what reading raises.

        An answer from before *min_position* is given only if the database has none that is newer.
        """
        key = key_of(query, tenant_id, **arguments)
        loader = self._loader(query, tenant_id, arguments)
        found = self._cache.get_or_load(key, loader, min_position=min_position, aside=self._aside)
        # A question that can't be answered is none that a warm-up should ask.
        self._hot.asked(key.text)
        return found

    def asked(self, text: str) -> tuple[Key, Loader] | None:
        """Return what the key *text* asks for, to be warmed or refreshed; None if it isn't a key of this release."""
        found = parse(text)
        if found is None:
            return None
        query, tenant_id, arguments = found
        return key_of(query, tenant_id, **arguments), self._loader(query, tenant_id, arguments)

    def _loader(self, query: str, tenant_id: str, arguments: dict[str, Any]) -> Loader:
        return lambda: self._read(query, tenant_id, **arguments)
