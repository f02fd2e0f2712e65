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


class Kept:
    """An answer in memory. It ends when memory lets it go, so whoever is not memory keeps a weak reference to it."""

    __slots__ = ("__weakref__", "_checked", "_fence", "expires_at", "found", "offset", "size", "used")

    def __init__(self, found: Found, expires_at: float, fence: TenantFence, size: int) -> None:
        self.found = found
        self.offset = found.position.offset
        self.expires_at = expires_at
        self.size = size
        #: Whether it was given to anybody since memory last looked for what may give way.
        self.used = False
        self._fence = fence
        #: The version of the fence that it was last held against.
        self._checked = -1

    def renewed(self, found: Found, expires_at: float) -> bool:
        """Stay on until *expires_at* if *found* is the same answer, so that it does not end for who refers to it."""
        if (found.etag, found.position, found.tags) != (self.found.etag, self.found.position, self.found.tags):
            return False
        self.found, self.expires_at, self.used = found, expires_at, True
        return True

    def stands(self, now: float) -> bool:
        """Whether it has not ended, and shows all of which this process was told."""
        if self.expires_at <= now:
            return False
        version = self._fence.version
        if self._checked != version:
            if not self._fence.stands(self.found.tags, self.offset):
                return False
            self._checked = version
        return True


class _Shelf(LRUCache[str, Kept]):
    """The entries of one tenant. The oldest gives way, but one that was used has another turn (CLOCK).

    So a use is one mark, for which nobody takes a lock or moves anything.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda kept: kept.size)
        self.evicted = 0

    def popitem(self) -> tuple[str, Kept]:
        text, kept = super().popitem()
        while kept.used:
            kept.used = False
            self[text] = kept
            text, kept = super().popitem()
        self.evicted += 1
        return text, kept

    def look(self, text: str) -> Kept | None:
        try:
            return _Plain.__getitem__(self, text)
        except KeyError:
            return None


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
        kept = self.look(tenant_id, text)
        if kept is None or kept.offset < least or not kept.stands(now):
            return None
        kept.used = True
        return kept.found

    def look(self, tenant_id: str, text: str) -> Kept | None:
        """Return what is stored under the key *text*, whether it may be given or not."""
        shelf = self._shelves.get(tenant_id)
        return None if shelf is None else shelf.look(text)

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
            found = found._replace(level="l1", shared=False)
            shelf = self._shelves.get(tenant_id)
            if shelf is None:
                shelf = self._shelves[tenant_id] = _Shelf(self._shelf_bytes)
            present = shelf.look(text)
            if present is not None and present.renewed(found, expires_at):
                return True
            kept = Kept(found, expires_at, self.fences.of(tenant_id), size)
            before = shelf.currsize
            shelf[text] = kept
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
                    kept = shelf.look(text)
                    if kept is not None and not kept.stands(now):
                        del shelf[text]
                self.bytes -= int(before - shelf.currsize)
                self._forget_if_empty(tenant_id, shelf)

    @property
    def evicted(self) -> int:
        return self._evicted + sum(shelf.evicted for shelf in list(self._shelves.values()))

    def __len__(self) -> int:
        return sum(map(len, list(self._shelves.values())))
