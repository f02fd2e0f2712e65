"""Random sequences of commands of all roles: the service answers, and its read models show, what a plain model says."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from domain.model.actor import Actor
from tests.faults.scale import scaled
from tests.integration.web.directory import CREATED, Answer, Directory, Person, Room
from tests.integration.web.service import ROOT, Service

USERS, ROOMS = 4, 2

OFFICE = st.sampled_from(["root", "admin", "admin", "stranger"])
EMAILS = st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"])
NAMES = st.sampled_from(["One", "Two", "Three"])
ROLES = st.sampled_from(["owner", "admin", "member", "viewer"])


def machine(service: Service) -> type[RuleBasedStateMachine]:
    """The rules, sent to *service*. Each run has a tenant of its own."""

    class Sequences(RuleBasedStateMachine):
        people = Bundle("people")
        rooms = Bundle("rooms")
        anybody = OFFICE | people

        @initialize()
        def begin(self) -> None:
            self.tenant = service.tenant("custom", quotas={"users": USERS, "workspaces": ROOMS})
            self.stranger = service.tenant()
            self.model = Directory(USERS, ROOMS)
            self.sent = 0

        def actor(self, by: str) -> Actor:
            offices = {"root": ROOT, "admin": self.tenant.admin, "stranger": self.stranger.admin}
            return offices.get(by) or self.tenant.actor(by)

        def send(self, expected: Answer, by: str, method: str, path: str, body: Any = None) -> str:
            """Send a command twice under one key; the answer has to be the expected one, both times."""
            self.sent += 1
            headers = {"Idempotency-Key": f"{self.tenant.id}-{self.sent}"}
            response = service.send(method, path, body, by=self.actor(by), headers=headers)
            answer = response.json or {}
            assert (response.status_code, answer.get("code")) == expected, (by, method, path, body, answer)
            if response.status_code < 300:
                again = service.send(method, path, body, by=self.actor(by), headers=headers)
                assert (again.status_code, again.json) == (response.status_code, answer)
            return str(answer.get("id", ""))

        @rule(target=people, by=anybody, email=EMAILS)
        def register(self, by: str, email: str) -> Any:
            expected = self.model.register(by, email)
            body = {"email": email, "first_name": "Ada", "last_name": "L", "tenant_id": self.tenant.id}
            id = self.send(expected, by, "POST", "/users", body)
            if expected != CREATED:
                return multiple()
            self.model.people[id] = Person(email, "Ada")
            return id

        @rule(by=anybody, user=people, on=st.sampled_from([True, True, False]))
        def switch(self, by: str, user: str, on: bool) -> None:
            expected = self.model.switch(by, user, on=on)
            self.send(expected, by, "POST", f"/users/{user}/{'activate' if on else 'deactivate'}")

        @rule(by=anybody, user=people, name=NAMES)
        def rename(self, by: str, user: str, name: str) -> None:
            self.send(self.model.rename(by, user, name), by, "PATCH", f"/users/{user}", {"first_name": name})

        @rule(by=anybody, user=people, role=st.sampled_from(["user", "admin", "super_admin"]), add=st.booleans())
        def change_role(self, by: str, user: str, role: str, add: bool) -> None:
            expected = self.model.role(by, user, role, add=add)
            self.send(expected, by, "PUT" if add else "DELETE", f"/users/{user}/roles/{role}")

        @rule(target=rooms, by=people | anybody, name=NAMES)
        def create(self, by: str, name: str) -> Any:
            expected = self.model.create(by, name)
            id = self.send(expected, by, "POST", "/workspaces", {"name": name})
            if expected != CREATED:
                return multiple()
            self.model.rooms[id] = Room(name, {by: "owner"})
            return id

        @rule(by=anybody, room=rooms, name=NAMES)
        def change(self, by: str, room: str, name: str) -> None:
            self.send(self.model.change(by, room, name), by, "PATCH", f"/workspaces/{room}", {"name": name})

        @rule(by=anybody, room=rooms, really=st.sampled_from([True, False, False]))
        def delete(self, by: str, room: str, really: bool) -> None:
            if really:
                self.send(self.model.delete(by, room), by, "DELETE", f"/workspaces/{room}")

        @rule(by=anybody, room=rooms, user=people, role=ROLES)
        def add_member(self, by: str, room: str, user: str, role: str) -> None:
            expected = self.model.add_member(by, room, user, role)
            self.send(expected, by, "POST", f"/workspaces/{room}/members", {"user_id": user, "role": role})

        @rule(by=anybody, room=rooms, user=people, role=ROLES)
        def change_member(self, by: str, room: str, user: str, role: str) -> None:
            expected = self.model.change_member(by, room, user, role)
            self.send(expected, by, "PATCH", f"/workspaces/{room}/members/{user}", {"role": role})

        @rule(by=anybody, room=rooms, user=people)
        def remove_member(self, by: str, room: str, user: str) -> None:
            expected = self.model.remove_member(by, room, user)
            self.send(expected, by, "DELETE", f"/workspaces/{room}/members/{user}")

        def teardown(self) -> None:
            """What the queries show in the end is what the model holds."""
            if not hasattr(self, "model"):
                return
            service.fold()
            admin = self.tenant.admin
            users = service.send("GET", f"/users/tenant/{self.tenant.id}", by=admin).json["users"]
            shown = {u["id"]: (u["email"], u["first_name"], u["status"], set(u["roles"])) for u in users}
            assert shown == self.model.shown_users()
            rooms = service.send("GET", f"/workspaces/tenant/{self.tenant.id}", by=admin).json["workspaces"]
            seen = {}
            for room in rooms:
                members = service.send("GET", f"/workspaces/{room['id']}/members", by=admin).json["members"]
                assert room["member_count"] == len(members)
                seen[room["id"]] = (room["name"], {member["user_id"]: member["role"] for member in members})
            assert seen == self.model.shown_rooms()
            summary = service.send("GET", f"/tenants/{self.tenant.id}/summary", by=admin).json
            active = [person for person in self.model.people.values() if person.status == "active"]
            assert (summary["total_users"], summary["active_users"], summary["total_workspaces"]) == (
                len(self.model.people),
                len(active),
                len(seen),
            )

    return Sequences


def test_whatever_is_sent_in_whatever_order(service: Service) -> None:
    run_state_machine_as_test(
        machine(service),
        settings=settings(
            max_examples=scaled(12, 300),
            stateful_step_count=scaled(30, 60),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            derandomize=False,
            database=None,
        ),
    )
