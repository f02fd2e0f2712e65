"""What write_schema.append_events raises, as the domain's errors."""

from __future__ import annotations

import json
from typing import Any

import psycopg2

from domain.model.errors import (
    CommandAlreadyDone,
    ConcurrencyConflict,
    DomainError,
    EmailTaken,
    PlanTooSmall,
    QuotaExceeded,
    SlugTaken,
    TenantNotFound,
    WorkspaceNameTaken,
)

_TAKEN: dict[str, type[DomainError]] = {
    "tenant.slug": SlugTaken,
    "user.email": EmailTaken,
    "workspace.name": WorkspaceNameTaken,
}


def refusal(error: psycopg2.Error) -> DomainError | None:
    """Return the domain's error for a refusal by the function; None for any other database error."""
    detail: Any = json.loads(error.diag.message_detail or "null") if (error.pgcode or "").startswith("CQ") else None
    match error.pgcode:
        case "CQ001":
            return ConcurrencyConflict(**detail[0])
        case "CQ002":
            return taken(detail)
        case "CQ003":
            return QuotaExceeded(**detail)
        case "CQ004":
            return TenantNotFound()
        case "CQ005":
            return CommandAlreadyDone(keys=detail)
        case "CQ006":
            return PlanTooSmall(**detail)
    return None


def taken(reservations: list[dict[str, str]]) -> DomainError:
    """Return the error for values that others have, all of one scope."""
    return _TAKEN[reservations[0]["scope"]](values=[each["value"] for each in reservations])
