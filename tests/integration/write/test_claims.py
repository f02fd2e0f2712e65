"""What may be there once, and how much of it: it holds in the append itself."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.model.claims import Claims, Reservation
from domain.model.errors import (
    EmailTaken,
    PlanTooSmall,
    QuotaExceeded,
    SlugTaken,
    TenantNotFound,
    WorkspaceNameTaken,
)
from domain.model.position import shard_of
from domain.model.workspaces.events import WorkspaceCreated
from domain.write.event_store import EventStore
from tests.integration.write.appends import (
    activated,
    append,
    new,
    plan_changed,
    registered,
    tenant_created,
    workspace_renamed,
)


def created(name: str, id: str | None = None):
    event = WorkspaceCreated(name=name, description="", owner_id=str(uuid4()), is_public=False, settings={})
    return new("workspace", id or str(uuid4()), 1, event, Claims((Reservation("workspace.name", name),), workspaces=1))


def test_an_email_address_belongs_to_one_user_of_a_tenant_but_to_any_tenant(store: EventStore, tenant: str):
    other_tenant = str(uuid4())
    store.append(append(other_tenant, tenant_created(other_tenant)))
    store.append(append(tenant, registered(tenant, "Ada@Example.com")))

    store.append(append(other_tenant, registered(other_tenant, "ada@example.com")))
    with pytest.raises(EmailTaken) as error:
        store.append(append(tenant, registered(tenant), registered(tenant, "ADA@example.com")))

    assert error.value.data["values"] == ["ada@example.com"]
    assert store.head(shard_of(tenant)) >= 2
    assert len(store.read(shard_of(tenant), 0, 99)) == store.head(shard_of(tenant))


def test_a_slug_belongs_to_one_tenant(store: EventStore):
    first, second = str(uuid4()), str(uuid4())
    store.append(append(first, tenant_created(first, "acme")))

    with pytest.raises(SlugTaken):
        store.append(append(second, tenant_created(second, "acme")))

    store.append(append(second, tenant_created(second, "acme-2")))


def test_a_workspace_name_is_free_again_once_it_is_given_up(store: EventStore, tenant: str):
    sales = created("Sales")
    store.append(append(tenant, sales))
    with pytest.raises(WorkspaceNameTaken):
        store.append(append(tenant, created("Sales")))

    store.append(append(tenant, workspace_renamed(sales.aggregate_id, 2, "Sales", "Old sales")))
    store.append(append(tenant, created("Sales")))

    with pytest.raises(WorkspaceNameTaken):
        store.append(append(tenant, workspace_renamed(sales.aggregate_id, 3, "Old sales", "Sales")))


def test_a_quota_holds_to_the_last_unit_and_a_given_back_unit_can_be_used(store: EventStore, tenant: str):
    store.append(append(tenant, created("1"), created("2"), last := created("3")))
    with pytest.raises(QuotaExceeded) as error:
        store.append(append(tenant, created("4")))
    assert error.value.data == {"resource": "workspaces", "used": 3, "limit": 3}

    gone = Claims(release=(Reservation("workspace.name", "3"),), workspaces=-1)
    store.append(append(tenant, new("workspace", last.aggregate_id, 2, activated("x").event, gone)))

    store.append(append(tenant, created("4")))


def test_a_quota_refuses_a_whole_append(store: EventStore, tenant: str):
    with pytest.raises(QuotaExceeded) as error:
        store.append(append(tenant, *(registered(tenant) for _ in range(6))))

    assert error.value.data == {"resource": "users", "used": 0, "limit": 5}
    assert store.head(shard_of(tenant)) == 1
    store.append(append(tenant, *(registered(tenant) for _ in range(5))))


def test_a_plan_can_grow_and_can_shrink_to_what_is_used_but_not_below(store: EventStore, tenant: str):
    store.append(append(tenant, *(registered(tenant) for _ in range(5))))
    store.append(append(tenant, plan_changed(tenant, 2, users=6, workspaces=0)))
    store.append(append(tenant, registered(tenant)))

    with pytest.raises(PlanTooSmall) as error:
        store.append(append(tenant, plan_changed(tenant, 3, users=5, workspaces=9)))
    assert error.value.data == {"resource": "users", "used": 6, "limit": 5}

    store.append(append(tenant, plan_changed(tenant, 3, users=6, workspaces=9)))


def test_nobody_registers_with_a_tenant_that_does_not_exist(store: EventStore):
    nowhere = str(uuid4())

    with pytest.raises(TenantNotFound):
        store.append(append(nowhere, registered(nowhere)))

    assert store.heads() == {}
