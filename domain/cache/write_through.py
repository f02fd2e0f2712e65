"""The strategy write-through: the workers store the fresh answers to hot questions, before anybody asks again."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping

import redis
import structlog

from domain.cache.cache import Cache
from domain.cache.cached_queries import CachedQueries
from domain.cache.hot import Hot
from domain.cache.keys import Key
from domain.cache.loading import Loader
from domain.cache.tolerance import Tolerance

log = structlog.get_logger(__name__)

#: How many keys are hot, and how many seconds old the list of them may be.
_HOT, _AGE = 500, 5.0

#: What the answers to some queries show beside what is known from the question: tags that begin like this.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "users_of_tenant": ("user:",),
    "workspace": ("name:",),
    "workspaces_of_tenant": ("workspace:",),
    "workspace_members": ("name:",),
    "dashboard": ("user:", "workspace:"),
}

Asked = tuple[Key, Loader]


class WriteThrough:
    """Hears what was invalidated, and answers the hot questions about it anew, on a thread of its own.

    Projection never waits for it, and where it can't keep up or Redis fails, the next who asks loads the answer.
    """

    def __init__(self, cache: Cache, queries: CachedQueries, hot: Hot) -> None:
        self._cache = cache
        self._queries = queries
        self._hot = hot
        self._hot_of: Mapping[str, list[Asked]] = {}
        self._listed_at = 0.0
        self._lock = threading.Lock()
        self._due: dict[str, Asked] = {}
        self._raised: list[Mapping[str, Mapping[str, int]]] = []
        self._news = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def __call__(self, raised: Mapping[str, Mapping[str, int]]) -> None:
        """Take note of the tags of each tenant that were raised."""
        with self._lock:
            self._raised.append(raised)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="write-through", daemon=True)
                self._thread.start()
                self._cache.start()
        self._news.set()

    def close(self) -> None:
        self._stopping = True
        self._news.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping:
            self._news.wait()
            self._news.clear()
            try:
                self.work()
            except Exception as error:
                log.warning("Hot answers are left to those who ask for them.", error=type(error).__name__)

    def work(self) -> None:
        """Store the fresh answers to all hot questions that the news are about. Raises what Tolerance does."""
        if time.monotonic() - self._listed_at > _AGE:
            self._list()
        with self._lock:
            raised, self._raised = self._raised, []
        due = {key.text: (key, loader) for each in raised for key, loader in self._touched(each)}
        tolerance = Tolerance(self._cache.counters)
        for key, loader in due.values():
            if self._stopping:
                return
            with tolerance.of(key):
                if self._cache.refresh(key, loader):
                    self._cache.counters.count("l2", key.query, "written")

    def _list(self) -> None:
        """Ask which keys are hot."""
        hot_of: defaultdict[str, list[Asked]] = defaultdict(list)
        try:
            texts = self._hot.most(_HOT)
        except redis.RedisError:
            texts = []
        for text in texts:
            if (asked := self._queries.asked(text)) is not None:
                hot_of[asked[0].tenant_id].append(asked)
        self._hot_of = hot_of
        self._listed_at = time.monotonic()

    def _touched(self, raised: Mapping[str, Mapping[str, int]]) -> Iterator[Asked]:
        for tenant_id, tags in raised.items():
            for key, loader in self._hot_of.get(tenant_id, ()):
                shown = _SHOWN.get(key.query, ())
                if not tags.keys().isdisjoint(key.tags) or any(tag.startswith(shown) for tag in tags if shown):
                    yield key, loader
