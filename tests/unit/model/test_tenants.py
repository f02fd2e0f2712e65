from __future__ import annotations

from typing import Any

import pytest

from domain.model.claims import NO_CLAIMS, Claims, Quotas, Reservation
from domain.model.errors import ConcurrencyConflict, Forbidden, Invalid, TenantNotFound
from domain.model.tenants.aggregate import Tenant
from domain.model.tenants.commands import ChangePlan, ChangeTenant, CreateTenant
from domain.model.tenants.events import TenantCreated, TenantPlanChanged, TenantUpdated

from .scenario import TENANT, admin, alice, assert_events, assert_refused, fold, super_admin

FREE = {"users": 5, "workspaces": 3}
STARTER = {"users": 25, "workspaces": 10}
CUSTOM = {"users": 7, "workspaces": 1}

created = TenantCreated(name="Acme", slug="acme", plan="free", quotas=FREE)


def create(**fields: Any) -> CreateTenant:
    return CreateTenant(
        **{
            "tenant_id": TENANT,
            "actor": super_admin,
            "name": "Acme",
            "slug": "acme",
            "plan": "free",
            **fields,
        }
    )


def rename(name: Any, actor: Any = super_admin) -> ChangeTenant:
    return ChangeTenant(tenant_id=TENANT, actor=actor, name=name)


def change_plan(plan: Any, quotas: Any = None, actor: Any = super_admin) -> ChangePlan:
    return ChangePlan(tenant_id=TENANT, actor=actor, plan=plan, quotas=quotas)


def test_a_super_admin_creates_a_tenant() -> None:
    assert_events([], create(name="  Acme "), [created])


def test_a_custom_plan_has_the_quotas_given_with_it() -> None:
    assert_events(
        [],
        create(plan="custom", quotas=Quotas(7, 1)),
        [TenantCreated(name="Acme", slug="acme", plan="custom", quotas=CUSTOM)],
    )


@pytest.mark.parametrize(
    ("plan", "users", "workspaces"),
    [("free", 5, 3), ("starter", 25, 10), ("professional", 100, 50), ("enterprise", 1000, 500)],
)
def test_what_each_plan_allows(plan: str, users: int, workspaces: int) -> None:
    quotas = {"users": users, "workspaces": workspaces}
    assert_events([], create(plan=plan), [TenantCreated(name="Acme", slug="acme", plan=plan, quotas=quotas)])


def test_a_tenant_is_created_once() -> None:
    assert_refused([created], create(), ConcurrencyConflict)


@pytest.mark.parametrize("actor", [alice, admin])
@pytest.mark.parametrize(
    "command", [create, lambda actor: rename("New", actor), lambda actor: change_plan("free", actor=actor)]
)
def test_nobody_but_a_super_admin_touches_tenants(command: Any, actor: Any) -> None:
    history = [] if command is create else [created]
    assert_refused(history, command(actor=actor), Forbidden)


@pytest.mark.parametrize("command", [rename("New"), change_plan("starter")])
def test_what_does_not_exist_can_not_change(command: Any) -> None:
    assert_refused([], command, TenantNotFound)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " \t"),
        ("name", "x" * 101),
        ("name", None),
        ("name", "a\0b"),
        ("slug", "ab"),
        ("slug", "a" * 51),
        ("slug", "Acme"),
        ("slug", "a_b"),
        ("slug", "acme\n"),
        ("slug", "acmé"),
        ("plan", "gold"),
        ("plan", None),
        ("plan", ["free"]),
        ("quotas", Quotas(1, 1)),
    ],
)
def test_a_tenant_with_a_bad_field_is_refused(field: str, value: Any) -> None:
    assert_refused([], create(**{field: value}), Invalid, field=field)


@pytest.mark.parametrize("slug", ["abc", "a" * 50, "---", "a-1"])
def test_slugs_at_the_limits(slug: str) -> None:
    assert_events([], create(slug=slug), [TenantCreated(name="Acme", slug=slug, plan="free", quotas=FREE)])


@pytest.mark.parametrize(
    "quotas", [None, Quotas(0, 1), Quotas(1, -1), Quotas(1, 10**9 + 1), {"users": 1, "workspaces": 1}]
)
def test_a_custom_plan_without_good_quotas_is_refused(quotas: Any) -> None:
    assert_refused([], create(plan="custom", quotas=quotas), Invalid, field="quotas")
    assert_refused([created], change_plan("custom", quotas), Invalid, field="quotas")


def test_a_tenant_is_renamed() -> None:
    assert_events([created], rename("New "), [TenantUpdated(changes={"name": "New"})])


def test_the_same_name_again_is_no_change() -> None:
    assert_events([created], rename("Acme"), [])
    assert_events([created, TenantUpdated(changes={"name": "New"})], rename("New"), [])


def test_a_plan_changes() -> None:
    changed = TenantPlanChanged(old_plan="free", new_plan="starter", quotas=STARTER)
    assert_events([created], change_plan("starter"), [changed])
    assert_events([created, changed], change_plan("starter"), [])


def test_a_custom_plan_gets_other_quotas() -> None:
    custom = TenantPlanChanged(old_plan="free", new_plan="custom", quotas=CUSTOM)
    larger = TenantPlanChanged(old_plan="custom", new_plan="custom", quotas={"users": 8, "workspaces": 1})
    assert_events([created, custom], change_plan("custom", Quotas(8, 1)), [larger])
    assert_events([created, custom], change_plan("custom", Quotas(7, 1)), [])


def test_claims() -> None:
    tenant = Tenant(TENANT)
    assert tenant.claims(created) == Claims(reserve=(Reservation("tenant.slug", "acme"),), quotas=Quotas(5, 3))
    fold(tenant, [created])
    changed = TenantPlanChanged(old_plan="free", new_plan="starter", quotas=STARTER)
    assert tenant.claims(changed) == Claims(quotas=Quotas(25, 10))
    assert tenant.claims(TenantUpdated(changes={"name": "New"})) == NO_CLAIMS
