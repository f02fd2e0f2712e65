"""How a process that runs for long looks for garbage."""

from __future__ import annotations

import gc

#: How many more objects than have gone may have been made before Python looks for cycles among them. A batch of events
#: makes thousands, none of them in a cycle, and with Python's own 700 two fifths of a fold went into looking.
_OBJECTS = 20_000


def collect_rarely() -> None:
    """Look for cycles seldom, and not among what there is now, which stays as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
