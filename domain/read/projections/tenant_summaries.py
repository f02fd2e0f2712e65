"""What a tenant is and how much it has.

A summary's counts come from many aggregates. Each user and workspace has a row of its own that says what it adds, so
the summary is always the sum of these, whatever comes twice or late.
"""

from __future__ import annotations

from domain.model.event import RecordedEvent
from domain.read import schema
from domain.read.projection import Projection, Totals
from domain.read.rows import Rows
from domain.read.tables import Key, Row

tenant_summaries = Projection("tenant_summaries")
SUMMARIES = tenant_summaries.owns(schema.tenant_summaries, "tenant")
SHARES = tenant_summaries.owns(schema.tenant_summary_shares, "user", "workspace")
tenant_summaries.ignore(
    "user.updated",
    "user.role_changed",
    "workspace.updated",
    "workspace.member_added",
    "workspace.member_removed",
    "workspace.member_role_changed",
)

#: The column of a share, and the column of the summary that is the sum of it.
_SUMS = {"users": "total_users", "active_users": "active_users", "workspaces": "total_workspaces"}

tenant_summaries.totals = Totals(
    SUMMARIES, SHARES, {total: column for column, total in _SUMS.items()}, latest=["updated_at"]
)


def _summary(event: RecordedEvent) -> Key:
    return (event.tenant_id,)


@tenant_summaries.on("tenant.created")
def created(summary: Row, event: RecordedEvent, _: Rows) -> None:
    payload = event.payload
    for counted in _SUMS.values():
        summary.setdefault(counted, 0)
    summary.update(name=payload["name"], slug=payload["slug"], plan_type=payload["plan"], created_at=event.occurred_at)
    _set_quotas(summary, payload["quotas"])
    _touch(summary, event)


@tenant_summaries.on("tenant.updated")
def updated(summary: Row, event: RecordedEvent, _: Rows) -> None:
    summary["name"] = event.payload.get("name", summary["name"])
    _touch(summary, event)


@tenant_summaries.on("tenant.plan_changed")
def plan_changed(summary: Row, event: RecordedEvent, _: Rows) -> None:
    summary["plan_type"] = event.payload["new_plan"]
    _set_quotas(summary, event.payload["quotas"])
    _touch(summary, event)


@tenant_summaries.on("user.registered", touches={SUMMARIES: _summary})
def user_registered(share: Row, event: RecordedEvent, rows: Rows) -> None:
    _add(share, event, rows, users=1)


@tenant_summaries.on("user.activated", touches={SUMMARIES: _summary})
def user_activated(share: Row, event: RecordedEvent, rows: Rows) -> None:
    _add(share, event, rows, users=1, active_users=1)


@tenant_summaries.on("user.deactivated", touches={SUMMARIES: _summary})
def user_deactivated(share: Row, event: RecordedEvent, rows: Rows) -> None:
    _add(share, event, rows, users=1)


@tenant_summaries.on("workspace.created", touches={SUMMARIES: _summary})
def workspace_created(share: Row, event: RecordedEvent, rows: Rows) -> None:
    _add(share, event, rows, workspaces=1)


@tenant_summaries.on("workspace.deleted", touches={SUMMARIES: _summary})
def workspace_deleted(share: Row, event: RecordedEvent, rows: Rows) -> None:
    _add(share, event, rows)


def _add(share: Row, event: RecordedEvent, rows: Rows, **adds: int) -> None:
    """Make *adds* what this share adds to its summary, and bring the summary to the new sum."""
    if rows.get(SUMMARIES, _summary(event)) is None:
        rows.put(SUMMARIES, _unnamed(event))
    summary = rows.change(SUMMARIES, _summary(event))
    for column, total in _SUMS.items():
        new = adds.get(column, 0)
        summary[total] += new - share.get(column, 0)
        share[column] = new
    _touch(summary, event)


def _unnamed(event: RecordedEvent) -> Row:
    """A summary whose tenant's own events have not come: it counts, and no query shows it."""
    return {
        "tenant_id": event.tenant_id,
        "name": "",
        "slug": "",
        "plan_type": "",
        **dict.fromkeys(_SUMS.values(), 0),
        "quota_users": 0,
        "quota_workspaces": 0,
        "created_at": event.occurred_at,
        "updated_at": event.occurred_at,
        "event_version": 0,
    }


def _set_quotas(summary: Row, quotas: dict[str, int]) -> None:
    summary.update(quota_users=quotas["users"], quota_workspaces=quotas["workspaces"])


def _touch(summary: Row, event: RecordedEvent) -> None:
    # Events of different aggregates meet here in any order; the latest time is the same in all of them.
    summary["updated_at"] = max(summary.get("updated_at", event.occurred_at), event.occurred_at)
