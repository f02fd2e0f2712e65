"""No answer, header or 304 of one tenant for another, whoever asks and wherever the answer lies."""

from __future__ import annotations

from typing import Any

import pytest

from domain.model.actor import Actor
from domain.model.position import shard_of
from tests.integration.web.cached import PATHS, Asked, level, wait_for_l1
from tests.integration.web.service import ROOT, Service, Tenant, problem

#: What only an answer has.
TELLING = ("ETag", "Surrogate-Key", "Cache-Tag", "Link")

#: What also says that a thing is not there, of the tenant in which it was looked for.
LOOKED_UP = ("Event-Position", "Cache-Status", "Server-Timing")

#: The same in the profile's path, whoever asks.
ABOUT_TENANTS = [name for name in PATHS if name != "profile"]


class Resident:
    """A tenant with a user and a workspace, all of whose answers are in Redis and in this process's memory."""

    def __init__(self, service: Service, tenant: Tenant) -> None:
        self.tenant = tenant
        self.user = tenant.user()
        self.workspace = tenant.workspace(self.user)
        self.roles = {"user": self.user, "admin": tenant.actor(self.user.id, "admin"), "super_admin": ROOT}
        service.fold()
        self.asked = {name: Asked(name, tenant.id, self.user.id, self.workspace) for name in PATHS}
        for each in self.asked.values():
            wait_for_l1(service, each.path, self.user)


@pytest.fixture
def residents(service: Service) -> tuple[Resident, Resident]:
    return Resident(service, service.tenant()), Resident(service, service.tenant())


def answers(service: Service, path: str, by: Actor, tag: str) -> tuple[Any, Any]:
    return tuple(service.send("GET", path, by=by, headers=headers) for headers in ({}, {"If-None-Match": tag}))


@pytest.mark.parametrize("where", ["L1", "L2"])
def test_what_is_cached_for_one_tenant_is_not_there_for_the_other(
    service: Service, residents: tuple[Resident, Resident], where: str
) -> None:
    for resident, foreigner in (residents, residents[::-1]):
        for name in ABOUT_TENANTS:
            path = resident.asked[name].path
            tag = service.send("GET", path, by=resident.user).headers["ETag"]
            for role in ("user", "admin"):
                if where == "L2":
                    service.container.caching.cache.l1.empty()
                for response in answers(service, path, foreigner.roles[role], tag):
                    problem(response, 404, response.json["code"])
                    assert not [header for header in TELLING if header in response.headers], name
                    own = f"{shard_of(foreigner.tenant.id)}-"
                    assert response.headers.get("Event-Position", own).startswith(own), name
                    assert resident.user.id not in response.text
                    assert resident.tenant.id not in response.text


def test_everybody_of_the_tenant_and_those_who_run_the_service_get_the_same(
    service: Service, residents: tuple[Resident, Resident]
) -> None:
    for resident in residents:
        for name in ABOUT_TENANTS:
            path = resident.asked[name].path
            tag = service.send("GET", path, by=resident.user).headers["ETag"]
            for actor in resident.roles.values():
                whole, unchanged = answers(service, path, actor, tag)
                assert (whole.status_code, whole.headers["ETag"], unchanged.status_code) == (200, tag, 304), name


def test_a_profile_is_of_who_asks(service: Service, residents: tuple[Resident, Resident]) -> None:
    one, two = residents
    friend = one.tenant.user()
    service.fold()
    for actor in (one.user, friend, two.user):
        wait_for_l1(service, "/users/profile", actor)

    for actor in (one.user, friend, two.user, one.user):
        response = service.send("GET", "/users/profile", by=actor)
        assert (response.json["id"], response.json["tenant_id"]) == (actor.id, actor.tenant_id)
        assert level(service, "/users/profile", actor) == "L1"


def test_the_token_is_looked_at_before_the_cache(service: Service, residents: tuple[Resident, Resident]) -> None:
    (resident, _) = residents
    for each in resident.asked.values():
        tag = service.send("GET", each.path, by=resident.user).headers["ETag"]
        for authorization in (None, "Bearer nonsense", f"Bearer {service.token(resident.user)}x"):
            headers = {"If-None-Match": tag} | ({} if authorization is None else {"Authorization": authorization})
            response = service.send("GET", each.path, by=None, headers=headers)
            problem(response, 401, "unauthenticated")
            assert not [header for header in TELLING + LOOKED_UP if header in response.headers]


def test_an_entry_under_another_tenants_key_is_not_read(service: Service, residents: tuple[Resident, Resident]) -> None:
    """Whoever can write to Redis can't pass one tenant's answer off as another's."""
    one, two = residents
    cache = service.container.caching.cache
    for each in (one, two):
        assert cache.l2._epoch.names(each.tenant.id) is not None
    names = [cache.l2._epoch.names(each.tenant.id) for each in residents]
    entry = [name.entry(f"tenant_summary:{each.tenant.id}:v:1") for name, each in zip(names, residents, strict=True)]
    client = cache.l2._client
    client.restore(entry[1], 60_000, client.dump(entry[0]), replace=True)
    # Everything that the fence knows of it is made to fit.
    fence = client.hgetall(names[0].fences)
    client.delete(names[1].fences)
    client.hset(names[1].fences, mapping=fence)
    cache.l1.empty()

    shown = service.send("GET", two.asked["summary"].path, by=two.user)

    assert shown.json["tenant_id"] == two.tenant.id
    counters = service.container.caching.stats()["counters"]
    assert counters["l2"]["tenant_summary"]["unreadable"] == 1
