"""Users who are shown to whoever has just started the service."""

from __future__ import annotations

from typing import NamedTuple

from domain.model.event_log import EventLog
from domain.model.users.roles import ADMIN

#: How far into a shard to look for somebody to show.
EVENTS = 1000


class Resident(NamedTuple):
    """A user, and the tenant it belongs to."""

    tenant_id: str
    user_id: str


class Residents(NamedTuple):
    """Two users of one tenant; the same one twice where no other is an admin."""

    user: Resident
    admin: Resident


def residents(log: EventLog) -> Residents | None:
    """Return active users, else any who were registered, of the first tenant that has some."""
    for shard in sorted(log.heads()):
        known = _known(log, shard)
        if known:
            shown = [each for each, words in known.items() if "active" in words] or [*known]
            user = shown[0]
            admins = [each for each in shown if each.tenant_id == user.tenant_id and ADMIN in known[each]]
            return Residents(user, admins[0] if admins else user)
    return None


def _known(log: EventLog, shard: int) -> dict[Resident, set[str]]:
    """Return the shard's users in the order in which they came, and which of active and admin each is."""
    known: dict[Resident, set[str]] = {}
    for event in log.read(shard, 0, EVENTS):
        if event.aggregate_type != "user":
            continue
        words = known.setdefault(Resident(event.tenant_id, event.aggregate_id), set())
        if event.event_type == "user.activated":
            words.add("active")
        elif event.event_type == "user.deactivated":
            words.discard("active")
        elif event.event_type == "user.role_changed" and event.payload["action"] == "added":
            words.add(event.payload["role"])
        elif event.event_type == "user.role_changed":
            words.discard(event.payload["role"])
    return known
