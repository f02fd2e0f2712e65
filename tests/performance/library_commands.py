"""Commands about users with the Python library eventsourcing, behind the Flask views of the traditional application.

It is written as the library's documentation shows: an aggregate, and an application that gets and saves it. What the
library has no means for is spared it: no address is unique, no plan is looked at, nothing is projected.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError
from flask import Flask

from domain.model.actor import Actor
from domain.model.errors import UserNotActive, UserNotFound
from domain.postgres.pool import Pool
from domain.settings import Settings
from domain.write.command_bus import ATTEMPTS
from tests.performance.eventsourcing_library import environment
from tests.performance.traditional.app import create_app
from tests.performance.traditional.directory import Written
from tests.performance.traditional.sql_queries import SqlQueries


class Person(Aggregate):
    @event("Registered")
    def __init__(self, tenant_id: str, email: str, first_name: str, last_name: str) -> None:
        self.tenant_id = tenant_id
        self.email = email
        self.profile: dict[str, Any] = {"first_name": first_name, "last_name": last_name}
        self.active = False

    @event("Activated")
    def activate(self) -> None:
        self.active = True

    @event("Updated")
    def update(self, changes: dict[str, Any]) -> None:
        self.profile |= changes


class Directory(Application[UUID]):
    """Where people are kept."""


class LibraryCommands:
    """Commands of the traditional application, as far as they are measured."""

    def __init__(self, database_url: str) -> None:
        """Its tables are made where they are missing; their schema has to be there."""
        self._directory = Directory(env=environment(database_url))

    def register_user(self, tenant_id: str, fields: dict[str, Any]) -> Written:
        person = Person(tenant_id=tenant_id, **fields)
        self._directory.save(person)
        return Written(str(person.id), person.version)

    def activate_user(self, user_id: str) -> None:
        """Make a user active, so that there is one to be updated."""
        person: Person = self._directory.repository.get(UUID(user_id))
        person.activate()
        self._directory.save(person)

    def update_user(self, tenant_id: str, user_id: str, changes: dict[str, Any]) -> Written:
        for _ in range(ATTEMPTS - 1):
            try:
                return self._update_user(tenant_id, user_id, changes)
            except IntegrityError:
                # Another request has changed this user meanwhile. The library leaves it to its user to try again.
                continue
        return self._update_user(tenant_id, user_id, changes)

    def _update_user(self, tenant_id: str, user_id: str, changes: dict[str, Any]) -> Written:
        person: Person = self._directory.repository.get(UUID(user_id))
        if person.tenant_id != tenant_id:
            raise UserNotFound
        if not person.active:
            raise UserNotActive
        changed = {field: value for field, value in changes.items() if value != person.profile.get(field)}
        if changed:
            person.update(changed)
            self._directory.save(person)
        return Written(user_id, person.version)

    def create_workspace(self, tenant_id: str, owner_id: str, fields: dict[str, Any]) -> Written:
        raise NotImplementedError

    def add_member(self, actor: Actor, tenant_id: str, workspace_id: str, user_id: str, role: str) -> Written:
        raise NotImplementedError

    def close(self) -> None:
        self._directory.close()


def library(settings: Settings) -> Flask:
    """The application as a WSGI server wants it; its queries are the traditional ones, and nobody asks them."""
    return create_app(settings, SqlQueries(Pool(settings.database_url)), LibraryCommands(settings.database_url))
