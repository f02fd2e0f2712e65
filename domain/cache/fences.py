"""What this process has been told of invalidations, to hold its own memory against."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from domain.cache.tags import EVERYTHING

#: How many raised tags are kept in mind before all is forgotten, which empties what they guard.
MOST_TAGS = 50_000


class TenantFence:
    """The tags of one tenant that were raised, and how often anything was."""

    __slots__ = ("raised", "version")

    def __init__(self) -> None:
        self.version = 0
        self.raised: dict[str, int] = {}

    def stands(self, tags: Iterable[str], offset: int) -> bool:
        """Whether what was read at *offset* shows all that happened to *tags*."""
        get = self.raised.get
        return get(EVERYTHING, 0) <= offset and all(get(tag, 0) <= offset for tag in tags)


class Fences:
    """The raised tags of all tenants. Any number of threads raise and read; only those that raise ever wait."""

    def __init__(self, most_tags: int = MOST_TAGS) -> None:
        self._most_tags = most_tags
        self._tenants: dict[str, TenantFence] = {}
        self._lock = threading.Lock()
        self._count = 0

    def of(self, tenant_id: str) -> TenantFence:
        fence = self._tenants.get(tenant_id)
        if fence is None:
            with self._lock:
                fence = self._tenants.setdefault(tenant_id, TenantFence())
        return fence

    def raise_(self, tenant_id: str, offsets: Mapping[str, int]) -> bool:
        """Raise the tags to the offsets, never back. False: too many are kept, and clear() has to follow."""
        fence = self.of(tenant_id)
        with self._lock:
            for tag, offset in offsets.items():
                present = fence.raised.get(tag)
                if present is None:
                    self._count += 1
                if present is None or present < offset:
                    fence.raised[tag] = offset
            # Those who look at the version first look again if it changes while they look.
            fence.version += 1
            return self._count <= self._most_tags

    def clear(self) -> None:
        """Forget all, which is right only if all that was guarded is forgotten too."""
        with self._lock:
            self._tenants = {}
            self._count = 0
