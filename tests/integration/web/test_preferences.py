"""What a client prefers of an answer."""

from __future__ import annotations

import pytest

from tests.integration.web.service import Service, Tenant


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=9999", "wait=10"),
        ("wait=99999", "wait=10"),
        ("wait=" + "9" * 5000, "wait=10"),
        ("wait=" + "0" * 5000 + "7", "wait=7"),
        ("wait=000", "wait=0"),
        ("wait=7x", None),
        ("wait=-7", None),
        ("wait=\u0663", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_any_number_of_seconds_is_a_preference(
    service: Service, tenant: Tenant, prefer: str, applied: str | None
) -> None:
    headers = {"Prefer": prefer.encode().decode("latin-1")}

    shown = service.get(f"/tenants/{tenant.id}/summary", by=tenant.admin, headers=headers)

    assert (shown.status_code, shown.headers.get("Preference-Applied")) == (200, applied)
