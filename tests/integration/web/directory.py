"""A tenant's users and workspaces in a few dicts: what the service has to come to, written down from the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: What a command answers: its status, and the code where it is refused.
Answer = tuple[int, str | None]

CREATED: Answer = (201, None)
DONE: Answer = (200, None)
FORBIDDEN: Answer = (403, "forbidden")
DEACTIVATED: Answer = (403, "sender_deactivated")


@dataclass
class Person:
    email: str
    first_name: str
    status: str = "pending"
    roles: set[str] = field(default_factory=lambda: {"user"})


@dataclass
class Room:
    name: str
    members: dict[str, str]
    deleted: bool = False


@dataclass
class Directory:
    """*by* is root, admin, stranger (another tenant's admin), or the id of one of the users."""

    most_users: int
    most_rooms: int
    people: dict[str, Person] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)

    def register(self, by: str, email: str) -> Answer:
        if by == "stranger":
            return 404, "tenant_not_found"
        if by not in ("root", "admin"):
            return FORBIDDEN
        if any(person.email.lower() == email.lower() for person in self.people.values()):
            return 409, "email_taken"
        return CREATED if len(self.people) < self.most_users else (409, "quota_exceeded")

    def switch(self, by: str, user: str, *, on: bool) -> Answer:
        if refused := self._about_user(by):
            return refused
        person = self.people[user]
        wanted = "active" if on else "deactivated"
        if person.status == wanted:
            return 409, f"user_already_{wanted}"
        person.status = wanted
        return DONE

    def rename(self, by: str, user: str, name: str) -> Answer:
        if by != user and (refused := self._about_user(by)):
            return refused
        if self.people[user].status != "active":
            return 409, "user_not_active"
        self.people[user].first_name = name
        return DONE

    def role(self, by: str, user: str, role: str, *, add: bool) -> Answer:
        if refused := self._about_user(by):
            return refused
        if role == "super_admin" and by != "root":
            return FORBIDDEN
        if role == "user" and not add:
            return 409, "base_role_required"
        (self.people[user].roles.add if add else self.people[user].roles.discard)(role)
        return DONE

    def create(self, by: str, name: str) -> Answer:
        if by == "root":
            return FORBIDDEN
        if by not in self.people or self.people[by].status != "active":
            return 403, "creator_not_active"
        if self._name_taken(name):
            return 409, "workspace_name_taken"
        living = [room for room in self.rooms.values() if not room.deleted]
        return CREATED if len(living) < self.most_rooms else (409, "quota_exceeded")

    def change(self, by: str, room: str, name: str) -> Answer:
        if refused := self._about_room(by, room):
            return refused
        if self._standing(by, room) not in ("owner", "admin"):
            return FORBIDDEN
        if self._name_taken(name, but=room):
            return 409, "workspace_name_taken"
        self.rooms[room].name = name
        return DONE

    def delete(self, by: str, room: str) -> Answer:
        if refused := self._about_room(by, room):
            return refused
        if self._standing(by, room) != "owner":
            return FORBIDDEN
        self.rooms[room].deleted = True
        return DONE

    def add_member(self, by: str, room: str, user: str, role: str) -> Answer:
        if refused := self._about_room(by, room):
            return refused
        own, members = self._standing(by, room), self.rooms[room].members
        if own not in ("owner", "admin") or (role == "owner" and own != "owner"):
            return FORBIDDEN
        if user in members:
            return 409, "already_member"
        if self.people[user].status != "active":
            return 409, "user_not_active"
        members[user] = role
        return CREATED

    def change_member(self, by: str, room: str, user: str, role: str) -> Answer:
        if refused := self._about_room(by, room):
            return refused
        own, members = self._standing(by, room), self.rooms[room].members
        if own not in ("owner", "admin") or (role == "owner" and own != "owner"):
            return FORBIDDEN
        if user not in members:
            return 404, "member_not_found"
        if members[user] == "owner" and own != "owner":
            return FORBIDDEN
        if members[user] != role and self._is_last_owner(room, user):
            return 409, "last_owner"
        members[user] = role
        return DONE

    def remove_member(self, by: str, room: str, user: str) -> Answer:
        if refused := self._about_room(by, room):
            return refused
        own, members = self._standing(by, room), self.rooms[room].members
        leaves = by == user and user in members
        if not leaves and own not in ("owner", "admin"):
            return FORBIDDEN
        if user not in members:
            return 404, "member_not_found"
        if not leaves and members[user] == "owner" and own != "owner":
            return FORBIDDEN
        if self._is_last_owner(room, user):
            return 409, "last_owner"
        del members[user]
        return DONE

    def shown_users(self) -> dict[str, Any]:
        return {
            id: (person.email, person.first_name, person.status, person.roles) for id, person in self.people.items()
        }

    def shown_rooms(self) -> dict[str, Any]:
        return {id: (room.name, room.members) for id, room in self.rooms.items() if not room.deleted}

    def _about_user(self, by: str) -> Answer | None:
        if by == "stranger":
            return 404, "user_not_found"
        return None if by in ("root", "admin") else FORBIDDEN

    def _about_room(self, by: str, room: str) -> Answer | None:
        if by == "stranger":
            return 404, "workspace_not_found"
        if by in self.people and self.people[by].status == "deactivated":
            return DEACTIVATED
        return (409, "workspace_deleted") if self.rooms[room].deleted else None

    def _standing(self, by: str, room: str) -> str | None:
        return "owner" if by in ("root", "admin") else self.rooms[room].members.get(by)

    def _name_taken(self, name: str, but: str | None = None) -> bool:
        return any(room.name == name and not room.deleted and id != but for id, room in self.rooms.items())

    def _is_last_owner(self, room: str, user: str) -> bool:
        owners = [id for id, role in self.rooms[room].members.items() if role == "owner"]
        return owners == [user]
