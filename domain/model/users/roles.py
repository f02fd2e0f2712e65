"""The roles of a user in its tenant."""

from __future__ import annotations

#: Every user has this one.
USER = "user"
ADMIN = "admin"
#: Given and taken only by one who has it.
SUPER_ADMIN = "super_admin"

ROLES: tuple[str, ...] = (USER, ADMIN, SUPER_ADMIN)
