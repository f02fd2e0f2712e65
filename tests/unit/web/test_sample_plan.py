"""What the sample consists of."""

from __future__ import annotations

import json

from web.fields import ma
from web.sample.plan import SampleTenant, sample
from web.tenants.schemas import CreateTenantBody
from web.users.schemas import DeactivateUserBody, RegisterUserBody, UpdateUserBody
from web.workspaces.schemas import AddMemberBody, CreateWorkspaceBody

#: Made once, since that takes longer than looking at a body.
SCHEMAS: dict[tuple[str, str], ma.Schema] = {
    ("tenant", "create"): CreateTenantBody(),
    ("user", "register"): RegisterUserBody(),
    ("user", "update"): UpdateUserBody(),
    ("user", "deactivate"): DeactivateUserBody(),
    ("workspace", "create"): CreateWorkspaceBody(),
}

ADD_MEMBER = AddMemberBody()


def test_the_same_set_gives_the_same_plan() -> None:
    assert sample(1) == sample(1)


def test_there_are_1000_users_in_5_tenants() -> None:
    tenants = sample(1)

    assert len(tenants) == 5
    assert sum(len(tenant.users) for tenant in tenants) == 1000
    assert sum(len(tenant.workspaces) for tenant in tenants) == 200


def test_another_set_has_nothing_in_common() -> None:
    def keys(tenants: list[SampleTenant]) -> set[str]:
        return {key for tenant in tenants for key in tenant.all_keys()}

    first, second = sample(1), sample(2)

    assert {tenant.slug for tenant in first}.isdisjoint(tenant.slug for tenant in second)
    assert keys(first).isdisjoint(keys(second))


def test_each_step_has_a_key_of_its_own() -> None:
    keys = [key for tenant in sample(1) for key in tenant.all_keys()]

    assert len(keys) == len(set(keys))
    assert all(key.isascii() and " " not in key and len(key) <= 255 for key in keys)


def test_every_body_is_valid() -> None:
    for tenant in sample(3):
        for job in tenant.jobs():
            for step in job.steps:
                schema = SCHEMAS.get((job.name.split("-")[0], step.name))
                if step.user is not None:
                    ADD_MEMBER.load({**(step.body or {}), "user_id": "11111111-2222-4333-8444-555555555555"})
                elif step.body is not None:
                    assert schema is not None
                    schema.load(json.loads(json.dumps(step.body)))
