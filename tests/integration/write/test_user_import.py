"""Many registrations at once."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.model.actor import Actor
from domain.model.errors import (
    EmailTaken,
    IdempotencyKeyReused,
    Invalid,
    QuotaExceeded,
    SenderDeactivated,
    TenantNotFound,
)
from domain.model.position import Position, shard_of
from domain.model.users.commands import DeactivateUser, RegisterUser, UpdateUser
from domain.write.event_store import EventStore
from domain.write.outcome import Idempotency, Outcome
from tests.integration.write.directory import METADATA, Directory, after_the_load


class TestImport:
    def register(self, acme: Directory, *commands: RegisterUser, keys=None):
        return acme.bus.register_users(commands, metadata=METADATA, idempotency=keys)

    def test_every_line_gets_its_own_position(self, acme: Directory):
        commands = [acme.registration() for _ in range(3)]

        outcomes = self.register(acme, *commands)

        shard = shard_of(acme.tenant)
        assert outcomes == [Outcome(c.user_id, 1, Position(shard, 2 + i)) for i, c in enumerate(commands)]
        assert acme.appended[-1] == (Position(shard, 4), 3)

    def test_refused_lines_do_not_hinder_the_others(self, acme: Directory):
        acme.bus.execute(acme.registration("taken@example.com"), metadata=METADATA)
        lines = ["one@example.com", "not an address", "TAKEN@example.com", "ONE@example.com", "two@example.com"]

        results = self.register(acme, *(acme.registration(line) for line in lines))

        assert [type(result) for result in results] == [Outcome, Invalid, EmailTaken, EmailTaken, Outcome]
        assert acme.head == 4

    def test_the_plan_is_filled_to_the_last_unit(self, store: EventStore):
        acme = Directory(store, users=3)
        acme.bus.execute(acme.registration("taken@example.com"), metadata=METADATA)
        lines = ["taken@example.com", "1@example.com", "2@example.com", "3@example.com"]

        results = self.register(acme, *(acme.registration(line) for line in lines))

        assert [type(result) for result in results] == [EmailTaken, Outcome, Outcome, QuotaExceeded]

    def test_of_two_with_the_same_address_the_second_is_refused_for_what_the_first_was(self, store: EventStore):
        acme = Directory(store, users=1)
        lines = ["1@example.com", "2@example.com", "2@EXAMPLE.com", "1@Example.com", "2@Example.com"]

        results = self.register(acme, *(acme.registration(line) for line in lines))

        refused = [Outcome, QuotaExceeded, QuotaExceeded, EmailTaken, QuotaExceeded]
        assert [type(result) for result in results] == refused

    def test_a_deactivated_admin_imports_nobody(self, acme: Directory):
        gone = acme.active_user()
        acme.do(DeactivateUser, user_id=gone, reason=None)
        admin = Actor(gone, acme.tenant, frozenset({"admin"}))
        head = acme.head

        results = self.register(acme, *(replace(acme.registration(), actor=admin) for _ in range(2)))

        assert [type(result) for result in results] == [SenderDeactivated, SenderDeactivated]
        assert acme.head == head

    def test_an_admin_who_is_deactivated_meanwhile_imports_nobody(
        self, acme: Directory, monkeypatch: pytest.MonkeyPatch
    ):
        gone = acme.active_user()
        admin = Actor(gone, acme.tenant, frozenset({"admin"}))
        after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=gone, reason=None))

        results = self.register(acme, *(replace(acme.registration(), actor=admin) for _ in range(2)))

        assert [type(result) for result in results] == [SenderDeactivated, SenderDeactivated]
        assert acme.head == 4

    def test_an_admin_who_only_changes_meanwhile_imports_all(self, acme: Directory, monkeypatch: pytest.MonkeyPatch):
        admin = Actor(acme.active_user(), acme.tenant, frozenset({"admin"}))
        renamed = {"user_id": admin.id, "changes": {"first_name": "Grace"}}
        after_the_load(acme, monkeypatch, lambda: acme.do(UpdateUser, **renamed))

        results = self.register(acme, *(replace(acme.registration(), actor=admin) for _ in range(2)))

        assert [type(result) for result in results] == [Outcome, Outcome]
        assert acme.head == 6

    def test_a_tenant_that_does_not_exist_gets_nobody(self, acme: Directory):
        acme.tenant = str(uuid4())
        lines = ["1@example.com", "2@example.com", "1@example.com"]

        results = self.register(acme, *(acme.registration(line) for line in lines))

        assert [type(result) for result in results] == [TenantNotFound] * 3

    def test_a_repeated_import_gets_the_same_answers(self, acme: Directory):
        lines = [f"{n}@example.com" for n in range(4)]
        keys = [Idempotency(f"k:{n}", f"print {n}") for n in range(4)]
        first = self.register(acme, *(acme.registration(line) for line in lines[:2]), keys=keys[:2])

        again = self.register(acme, *(acme.registration(line) for line in lines), keys=keys)

        assert [(o.id, o.position) for o in again[:2]] == [(o.id, o.position) for o in first]
        assert [o.replayed for o in again] == [True, True, False, False]
        assert acme.head == 5

    def test_a_reused_key_refuses_its_line_only(self, acme: Directory):
        self.register(acme, acme.registration(), keys=[Idempotency("k", "print")])

        keys = [Idempotency("k", "other"), Idempotency("k2", "print")]
        results = self.register(acme, acme.registration(), acme.registration(), keys=keys)

        assert [type(result) for result in results] == [IdempotencyKeyReused, Outcome]

    def test_the_second_with_an_address_is_tried_if_another_import_used_the_key_of_the_first(
        self, acme: Directory, monkeypatch: pytest.MonkeyPatch
    ):
        # Given an import of two lines with one address, and another that uses the first one's key in between
        look = acme.store.answered

        def looked(*arguments):
            found = look(*arguments)
            monkeypatch.setattr(acme.store, "answered", look)
            self.register(acme, acme.registration("bob@example.com"), keys=[Idempotency("1", "other")])
            return found

        monkeypatch.setattr(acme.store, "answered", looked)

        # When it goes on
        lines = [acme.registration("ada@example.com") for _ in range(2)]
        results = self.register(acme, *lines, keys=[Idempotency("1", "print"), Idempotency("2", "print")])

        # Then the first is refused for its key, which says nothing of the second
        assert [type(result) for result in results] == [IdempotencyKeyReused, Outcome]
        assert acme.head == 3
