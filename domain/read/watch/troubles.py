"""What the troubles that processes tell of mean in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.read.watch.health import Reason
from domain.telemetry.troubles import Recent

#: Seconds after which a full disk is taken to have space again: every process writes at least that often.
_DISK_FULL = 30.0

#: So many within a minute are no accident.
_UNKNOWN_KEYS, _UNREADABLE = 5, 10


def troubles(found: Mapping[str, Recent]) -> Iterator[Reason]:
    """Return the reasons that lie in the troubles *found* over all processes. Pure."""
    full = found.get("disk_full")
    if full is not None and full.ago < _DISK_FULL:
        yield Reason(
            "unhealthy",
            f"PostgreSQL's disk is full: it refused to write {full.times} times in the last minute, so no command is "
            "done and nothing is folded",
            "Make space on PostgreSQL's disk: enlarge it, or delete what is not the database's. Never delete anything "
            "in its data directory. All goes on by itself as soon as it can write.",
        )
    unavailable = found.get("keys_unavailable")
    if unavailable is not None:
        yield Reason(
            "unhealthy",
            f"{unavailable.times} requests with a token were answered with 503 in the last minute, because the keys of "
            "JWT_JWKS_URL can't be fetched",
            "Bring the server behind JWT_JWKS_URL back. Don't restart web processes meanwhile, since those that have "
            "keys go on with them.",
        )
    unknown = found.get("unknown_key")
    if unknown is not None and unknown.times >= _UNKNOWN_KEYS:
        yield Reason(
            "degraded",
            f"{unknown.times} tokens were refused in the last minute because the key that signed them is not known: "
            "it has expired, or is somebody else's",
            "Look whether JWT_SECRET, or the keys behind JWT_JWKS_URL, are those that tokens are signed with now. Put "
            "a key that was taken away too early back until its last token has ended.",
        )
    unreadable = found.get("unreadable")
    if unreadable is not None and unreadable.times >= _UNREADABLE:
        yield Reason(
            "degraded",
            f"{unreadable.times} answers in Redis could not be read in the last minute: no key in "
            "CACHE_ENCRYPTION_KEYS opens them",
            "Give all processes the same CACHE_ENCRYPTION_KEYS, and keep a former key at the end of the list for an "
            "hour. Answers come from the database meanwhile.",
        )
