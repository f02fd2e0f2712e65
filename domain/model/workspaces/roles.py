"""The roles of a member in a workspace."""

from __future__ import annotations

OWNER = "owner"
ADMIN = "admin"
MEMBER = "member"
VIEWER = "viewer"

#: From the most that one may do to the least.
ROLES: tuple[str, ...] = (OWNER, ADMIN, MEMBER, VIEWER)

#: Those who may change the workspace and its members.
MANAGERS: frozenset[str] = frozenset({OWNER, ADMIN})
