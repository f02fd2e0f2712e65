"""The answers in this process's own memory, bounded in bytes."""

from __future__ import annotations

import threading
from typing import NamedTuple

from cachetools import Cache as _Plain
from cachetools import LRUCache

from domain.cache.answer import Found
from domain.cache.fences import Fences, TenantFence

#: Of all bytes, how much one tenant may fill.
SHARE = 0.25

#: Seconds after which an answer is taken from Redis again, so that hot ones are refreshed there before they end.
LONGEST = 60.0

#: About what an entry costs besides its body, and each of its tags.
_OVERHEAD, _TAG = 600, 90


class Ticket(NamedTuple):
    """Permission to store what is found after this was handed out, unless the memory is emptied before it comes."""

    era: int


class _Entry:
    __slots__ = ("checked", "expires_at", "fence", "found", "offset", "size")

    def __init__(self, found: Found, expires_at: float, fence: TenantFence, size: int) -> None:
        self.found = found
        self.offset = found.position.offset
        self.expires_at = expires_at
        self.fence = fence
        self.size = size
        #: The version of the fence that it was last held against.
        self.checked = -1


class _Shelf(LRUCache[str, _Entry]):
    """The entries of one tenant, the least recently used of which gives way."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda entry: entry.size)
        self.evicted = 0

    def popitem(self) -> tuple[str, _Entry]:
        self.evicted += 1
        return super().popitem()


class L1:
    """Answers that are held against what this process was told of invalidations each time they are given.

    Whether that is all there is to be told is for the stream's reader to say. Where memory runs out, the tenant that
    has most gives way, so that one that is noisy can't push out the rest.
    """

    def __init__(self, max_bytes: int) -> None:
        self.fences = Fences()
        self._max_bytes = max_bytes
        self._shelf_bytes = int(max_bytes * SHARE)
        self._shelves: dict[str, _Shelf] = {}
        self._lock = threading.Lock()
        self._era = 0
        self._evicted = 0
        self.bytes = 0

    def get(self, tenant_id: str, text: str, least: int, now: float) -> Found | None:
        """Return what is stored under the key *text*, if it was read at or past *least* and its fence stands."""
        shelf = self._shelves.get(tenant_id)
        if shelf is None:
            return None
        entry = self._look(shelf, text)
        if entry is None or entry.offset < least or entry.expires_at <= now:
            return None
        version = entry.fence.version
        if entry.checked != version:
            if not entry.fence.stands(entry.found.tags, entry.offset):
                return None
            entry.checked = version
        return entry.found

    def _look(self, shelf: _Shelf, text: str) -> _Entry | None:
        """Find the entry, and note its use unless another thread has the lock: a hit never waits for one.

        A thread that is switched off with the lock in hand would hold up all others, for the sake of an exact order of
        uses that eviction can do without.
        """
        if not self._lock.acquire(blocking=False):
            try:
                return _Plain.__getitem__(shelf, text)
            except KeyError:
                return None
        try:
            return shelf.get(text)
        finally:
            self._lock.release()

    def ticket(self) -> Ticket:
        return Ticket(self._era)

    def put(self, ticket: Ticket, tenant_id: str, text: str, found: Found, now: float) -> bool:
        """Store *found*, which stood on Redis after *ticket* was handed out. False if it may not or can't be kept."""
        size = _OVERHEAD + len(found.body or b"") + _TAG * len(found.tags)
        if size > self._shelf_bytes:
            return False
        expires_at = min(found.expires_at, now + LONGEST)
        with self._lock:
            if ticket.era != self._era:
                return False
            entry = _Entry(found._replace(level="l1", shared=False), expires_at, self.fences.of(tenant_id), size)
            shelf = self._shelves.get(tenant_id)
            if shelf is None:
                shelf = self._shelves[tenant_id] = _Shelf(self._shelf_bytes)
            before = shelf.currsize
            shelf[text] = entry
            self.bytes += int(shelf.currsize - before)
            while self.bytes > self._max_bytes:
                self._drop_from(max(self._shelves.items(), key=lambda item: item[1].currsize)[0])
        return True

    def _drop_from(self, tenant_id: str) -> None:
        shelf = self._shelves[tenant_id]
        before = shelf.currsize
        shelf.popitem()
        self.bytes -= int(before - shelf.currsize)
        self._forget_if_empty(tenant_id, shelf)

    def _forget_if_empty(self, tenant_id: str, shelf: _Shelf) -> None:
        if not shelf:
            self._evicted += shelf.evicted
            del self._shelves[tenant_id]

    def empty(self) -> None:
        """Forget all, also what is on its way here."""
        with self._lock:
            self._era += 1
            self._evicted += sum(shelf.evicted for shelf in self._shelves.values())
            self._shelves = {}
            self.bytes = 0
            self.fences.clear()

    def purge(self, now: float) -> None:
        """Drop what has expired or been invalidated: what nobody asks for again is not found by asking."""
        for tenant_id in list(self._shelves):
            with self._lock:
                shelf = self._shelves.get(tenant_id)
                if shelf is None:
                    continue
                before = shelf.currsize
                for text in list(shelf):
                    # Looked at without counting as a use.
                    entry = _Plain.__getitem__(shelf, text)
                    if entry.expires_at <= now or not entry.fence.stands(entry.found.tags, entry.offset):
                        del shelf[text]
                self.bytes -= int(before - shelf.currsize)
                self._forget_if_empty(tenant_id, shelf)

    @property
    def evicted(self) -> int:
        return self._evicted + sum(shelf.evicted for shelf in list(self._shelves.values()))

    def __len__(self) -> int:
        return sum(map(len, list(self._shelves.values())))
