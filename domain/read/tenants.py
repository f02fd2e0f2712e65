"""Which tenants there are, as far as the read models know."""

from __future__ import annotations

from collections.abc import Iterator

from domain.postgres.pool import Pool

_CHUNK = 1000


class Tenants:
    """The tenants, for those who run the service. The sessions of *pool* see all of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

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
