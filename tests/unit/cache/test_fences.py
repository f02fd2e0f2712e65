"""What a process has been told of invalidations."""

from __future__ import annotations

from threading import Thread
from typing import Any

from domain.cache.fences import Fences

TENANT = "11111111-1111-4111-8111-111111111111"


class Interrupted(dict[str, int]):
    """The tags of a tenant, where another thread tells of something later just after one has looked."""

    def __init__(self, fences: Fences) -> None:
        super().__init__()
        self.threads = [Thread(target=fences.raise_, args=(TENANT, {"user:1": 11}))]
        self.waiting = list(self.threads)

    def get(self, tag: str, default: Any = None) -> Any:
        present = super().get(tag, default)
        for thread in iter(lambda: self.waiting.pop() if self.waiting else None, None):
            thread.start()
            # It is done by then, or has to wait for whoever has looked.
            thread.join(0.2)
        return present


def test_no_thread_takes_back_what_another_has_raised() -> None:
    fences = Fences()
    fence = fences.of(TENANT)
    fence.raised = tags = Interrupted(fences)

    fences.raise_(TENANT, {"user:1": 10})
    for thread in tags.threads:
        thread.join()

    assert dict(tags) == {"user:1": 11}
    assert fence.version == 2
