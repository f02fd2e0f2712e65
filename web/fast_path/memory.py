"""What requests have been answered with, bounded in bytes."""

from __future__ import annotations

from web.fast_path.finished import Finished

#: About what a request's name costs besides the texts in it.
_OVERHEAD = 400


#: All of a request on which the headers of its answer may hang, as long as it sets no conditions: its Authorization,
#: path, query string, Origin, scheme and X-Forwarded-Proto.
Asked = tuple[str, str, str, str, str, str]


class Memory:
    """Finished answers by the requests they are for; those that were not asked for lately give way.

    There are two generations. What is found in the old one comes into the young one; when that is full it becomes the
    old one, and what was left there is forgotten. So a hit in the young one is one look into a dictionary, for which
    no thread waits.
    """

    def __init__(self, max_bytes: int) -> None:
        self._most = max_bytes // 2
        self._young: dict[Asked, Finished] = {}
        self._old: dict[Asked, Finished] = {}
        self._bytes = 0

    def get(self, asked: Asked) -> Finished | None:
        finished = self._young.get(asked)
        if finished is None:
            finished = self._old.get(asked)
            if finished is not None:
                self.put(asked, finished)
        return finished

    def put(self, asked: Asked, finished: Finished) -> None:
        # Where threads come between each other's steps the count is off by an answer, until the next generation.
        size = _OVERHEAD + sum(map(len, asked)) + finished.size
        if size > self._most:
            return
        if self._bytes + size > self._most:
            self._old, self._young, self._bytes = self._young, {}, 0
        if asked not in self._young:
            self._bytes += size
        self._young[asked] = finished

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
