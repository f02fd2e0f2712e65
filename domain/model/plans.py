"""The plans a tenant may have, and what each allows."""

from __future__ import annotations

from domain.model import fields
from domain.model.claims import Quotas
from domain.model.errors import Invalid

PLANS: dict[str, Quotas] = {
    "free": Quotas(users=5, workspaces=3),
    "starter": Quotas(users=25, workspaces=10),
    "professional": Quotas(users=100, workspaces=50),
    "enterprise": Quotas(users=1000, workspaces=500),
}

#: The plan whose quotas are given with it.
CUSTOM = "custom"

PLAN_NAMES: tuple[str, ...] = (*PLANS, CUSTOM)

#: The most users, and the most workspaces, that a custom plan may allow.
QUOTA_LIMIT = 1_000_000_000


def quotas_of(plan: str, quotas: Quotas | None) -> Quotas:
    """Return what *plan* allows. *quotas* goes with the custom plan and with no other. Raises Invalid."""
    fields.one_of("plan", plan, PLAN_NAMES)
    if plan != CUSTOM:
        if quotas is not None:
            raise Invalid(field="quotas", reason="only the plan custom takes quotas")
        return PLANS[plan]
    if not isinstance(quotas, Quotas):
        raise Invalid(field="quotas", reason="the plan custom needs quotas")
    for amount in (quotas.users, quotas.workspaces):
        if type(amount) is not int or not 1 <= amount <= QUOTA_LIMIT:
            raise Invalid(field="quotas", reason=f"each must be a whole number from 1 to {QUOTA_LIMIT}")
    return quotas
