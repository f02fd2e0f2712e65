"""Names can be seen, and each shows as what it is."""

from __future__ import annotations

import unicodedata
from typing import Any
from uuid import uuid4

import pytest

from domain.model.claims import Claims, Reservation
from domain.model.users.events import UserUpdated
from domain.model.workspaces.events import WorkspaceCreated
from tests.integration.web.service import ROOT, Service, Tenant, problem
from tests.integration.write.appends import append, new

ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}

UNSEEN = ["\u3164", "\u2800", "\u115f", "\u1160", "\uffa0", "\u034f", "\ufe0f", "\U000e0100", "\u200b", "\u3164 \u2800"]
TURNED = [
    f"a{control}b{end}"
    for control in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
    for end in ("", "\u202c" if control < "\u2066" else "\u2069")
]


def ways(tenant: Tenant) -> list[tuple[str, str, dict[str, Any], str, Any]]:
    """Every command that gives a name: method, path, the rest of its body, the name's field, and who may."""
    ada = tenant.user()
    workspace = tenant.workspace(ada)
    return [
        ("POST", "/users", ADA, "first_name", tenant.admin),
        ("POST", "/users", ADA, "last_name", tenant.admin),
        ("PATCH", f"/users/{ada.id}", {}, "first_name", ada),
        ("PATCH", f"/users/{ada.id}", {}, "last_name", ada),
        ("POST", "/workspaces", {}, "name", ada),
        ("PATCH", f"/workspaces/{workspace}", {}, "name", ada),
        ("POST", "/tenants", {"slug": f"t-{workspace[:8]}", "plan": "free"}, "name", ROOT),
        ("PATCH", f"/tenants/{tenant.id}", {}, "name", ROOT),
    ]


@pytest.mark.parametrize(("names", "reason"), [(UNSEEN, "empty"), (TURNED, "direction")])
def test_a_name_that_shows_nothing_or_another_one_is_refused(
    service: Service, tenant: Tenant, names: list[str], reason: str
) -> None:
    for method, path, body, field, by in ways(tenant):
        for name in names:
            document = problem(service.send(method, path, body | {field: name}, by=by), 422, "validation_failed")

            assert [*document["errors"]] == [field], ascii(name)
            assert reason in document["errors"][field][0]


@pytest.mark.parametrize(
    "name",
    [
        "\u3131\u3164",
        "\u2803\u2800\u2817",
        "\u2764\ufe0f",
        # Where both directions of writing occur, these marks of Hebrew and Arabic put a full stop in its place.
        "\u05d0\u05d1 Inc.\u200f",
        "\u0639\u0631\u0628\u061c 5",
        "\u0646\u200c\u0647",
    ],
)
def test_what_writing_needs_is_let_through(service: Service, tenant: Tenant, name: str) -> None:
    ada = tenant.user(first_name=name, last_name=name)

    tenant.workspace(ada, name=name)
    service.done("PATCH", f"/tenants/{tenant.id}", {"name": name})


@pytest.mark.parametrize("name", ["\u3164", "a\u202eb"])
def test_a_name_that_was_given_before_is_shown_and_can_be_given_up(service: Service, tenant: Tenant, name: str) -> None:
    # Given a user and a workspace with a name that would be refused today
    assert unicodedata.is_normalized("NFC", name)
    ada, workspace = tenant.user(), str(uuid4())
    created = WorkspaceCreated(name=name, description="", owner_id=ada.id, is_public=False, settings={})
    claims = Claims(reserve=(Reservation("workspace.name", name),), workspaces=1)
    changed = UserUpdated(changes={"first_name": name})
    events = new("workspace", workspace, 1, created, claims), new("user", ada.id, 3, changed)
    service.container.event_store.append(append(tenant.id, *events))

    # When they are looked at, then they are there
    assert service.get(f"/users/{ada.id}", by=ada).json["first_name"] == name
    assert service.get(f"/workspaces/{workspace}", by=ada).json["name"] == name

    # When something else about them is changed, then the name is in nobody's way
    service.done("PATCH", f"/users/{ada.id}", {"last_name": "Byron"}, by=ada)
    service.done("PATCH", f"/workspaces/{workspace}", {"description": "New"}, by=ada)
    assert service.get(f"/workspaces/{workspace}", by=ada).json["description"] == "New"

    # When the workspace gets another name, or is deleted, then this one may be reserved anew
    service.done("PATCH", f"/workspaces/{workspace}", {"name": "Plans"}, by=ada)
    second, third = str(uuid4()), str(uuid4())
    service.container.event_store.append(append(tenant.id, new("workspace", second, 1, created, claims)))
    service.done("DELETE", f"/workspaces/{second}", by=ada)
    service.container.event_store.append(append(tenant.id, new("workspace", third, 1, created, claims)))
