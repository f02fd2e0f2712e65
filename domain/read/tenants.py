"""Which tenants there are, as far as the read models know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.model.errors import Invalid, TenantNotFound
from domain.model.fields import UUID_PATTERN
from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from domain.read.cursor import opaque, plain

_CHUNK = 1000

_SQL = statements("domain.read.sql")
_SIZES, _SIZE = (
    _SQL[name].format_map({"tenant_size_fields": _SQL["tenant_size_fields"]})
    for name in ("tenant_sizes", "tenant_size")
)

#: What is written in a cursor: the users of the last tenant shown, and which one it is.
_PLACE = re.compile(rf"t/(\d{{1,10}})/({UUID_PATTERN})", re.ASCII)


class TenantSize(NamedTuple):
    """A tenant with all that it has, and what its plan allows."""

    tenant_id: str
    name: str
    slug: str
    plan_type: str
    users: int
    active_users: int
    quota_users: int
    workspaces: int
    quota_workspaces: int
    members: int
    created_at: datetime


class TenantPage(NamedTuple):
    """A part of the list, and the cursor to go on with, None at its end."""

    tenants: Sequence[TenantSize]
    next_cursor: str | None


class Tenants:
    """The tenants, for those who run the service. The sessions of *pool* see all of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def page(self, *, search: str | None = None, limit: int = 50, cursor: str | None = None) -> TenantPage:
        """Return those with *search* in their name or slug, those with most users first.

        Raises Invalid for a cursor that isn't one of this list.
        """
        users, tenant = (None, None) if cursor is None else _beyond(cursor)
        with self._pool.cursor() as database:
            values = {"search": search, "limit": limit + 1, "users": users, "tenant": tenant}
            database.execute(_SIZES, values)
            found = [TenantSize._make(row) for row in database.fetchall()]
        shown = found[:limit]
        more = len(found) > limit
        return TenantPage(shown, opaque("t", shown[-1].users, shown[-1].tenant_id) if more else None)

    def named(self, slug: str) -> str:
        """Return the id of the tenant with *slug*. Raises TenantNotFound."""
        with self._pool.cursor() as database:
            database.execute(_SQL["tenant_named"], {"slug": slug})
            row = database.fetchone()
        if row is None:
            raise TenantNotFound
        return str(row[0])

    def find(self, tenant_id: str) -> TenantSize | None:
        """Return the tenant, None where none of its events has been folded."""
        with self._pool.cursor() as database:
            database.execute(_SIZE, {"tenant": tenant_id})
            row = database.fetchone()
        return None if row is None else TenantSize._make(row)

    def events(self, tenant_id: str) -> int:
        """Return how many events of the tenant have been folded."""
        with self._pool.cursor() as database:
            database.execute(_SQL["tenant_events"], {"tenant": tenant_id})
            (events,) = database.fetchone() or (0,)
        return int(events)

    def largest(self, limit: int) -> list[str]:
        """Return those with most users."""
        with self._pool.cursor() as cursor:
            cursor.execute(
                "SELECT tenant_id FROM read_schema.tenant_summary_projections "
                "ORDER BY total_users DESC, tenant_id LIMIT %s",
                (limit,),
            )
            return [tenant_id for (tenant_id,) in cursor.fetchall()]

    def all(self) -> Iterator[str]:
        """Go through all of them."""
        after = "00000000-0000-0000-0000-000000000000"
        while True:
            with self._pool.cursor() as cursor:
                cursor.execute(
                    "SELECT tenant_id FROM read_schema.tenant_summary_projections "
                    "WHERE tenant_id > %s ORDER BY tenant_id LIMIT %s",
                    (after, _CHUNK),
                )
                found = [tenant_id for (tenant_id,) in cursor.fetchall()]
            yield from found
            if len(found) < _CHUNK:
                return
            after = found[-1]


def _beyond(cursor: str) -> tuple[int, str]:
    match = _PLACE.fullmatch(plain(cursor))
    if match is None:
        raise Invalid(field="cursor", reason="it is not a cursor of this list")
    return int(match[1]), match[2]
