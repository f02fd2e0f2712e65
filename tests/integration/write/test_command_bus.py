"""From a command to its events: versions, repetitions, witnesses, snapshots, and many at once."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Thread
from uuid import uuid4

import pytest

from domain.model.actor import Actor
from domain.model.claims import Quotas
from domain.model.errors import (
    ConcurrencyConflict,
    EmailTaken,
    IdempotencyKeyReused,
    Invalid,
    QuotaExceeded,
    SenderDeactivated,
    TenantNotFound,
    UserAlreadyActive,
    UserNotActive,
    UserNotFound,
    VersionMismatch,
)
from domain.model.position import Position, shard_of
from domain.model.tenants.commands import CreateTenant
from domain.model.users.commands import ActivateUser, DeactivateUser, RegisterUser, UpdateUser
from domain.model.workspaces.commands import AddMember, CreateWorkspace, UpdateWorkspace
from domain.write.command_bus import CommandBus
from domain.write.event_store import EventStore
from domain.write.outcome import Idempotency, Metadata, Outcome

ROOT = Actor("root", None, frozenset({"super_admin"}))
METADATA = Metadata(correlation_id="c-1", traceparent="00-1")


class Directory:
    """A tenant, and the few commands that these tests need."""

    def __init__(self, store: EventStore, users: int = 100) -> None:
        self.appended: list[tuple[Position, int]] = []
        self.store = store
        self.bus = CommandBus(store, on_appended=lambda position, count: self.appended.append((position, count)))
        self.tenant = str(uuid4())
        quotas = Quotas(users, 10)
        self.do(CreateTenant, name="Acme", slug=f"t-{self.tenant[:8]}", plan="custom", quotas=quotas)

    def do(self, command, actor: Actor = ROOT, expected_version=None, idempotency=None, **fields) -> Outcome:
        made = command(tenant_id=self.tenant, actor=actor, **fields)
        return self.bus.execute(made, metadata=METADATA, expected_version=expected_version, idempotency=idempotency)

    def registration(self, email: str | None = None) -> RegisterUser:
        id = str(uuid4())
        email = email or f"{id}@example.com"
        return RegisterUser(
            tenant_id=self.tenant, actor=ROOT, user_id=id, email=email, first_name="Ada", last_name="Lovelace"
        )

    def register(self, **options) -> Outcome:
        return self.bus.execute(self.registration(), metadata=METADATA, **options)

    def active_user(self) -> str:
        id = self.register().id
        self.do(ActivateUser, user_id=id)
        return id

    @property
    def head(self) -> int:
        return self.store.head(shard_of(self.tenant))


@pytest.fixture
def acme(store: EventStore) -> Directory:
    return Directory(store)


def test_a_command_answers_with_id_version_and_position_and_tells_of_its_events(acme: Directory):
    registered = acme.register()
    activated = acme.do(ActivateUser, user_id=registered.id)

    shard = shard_of(acme.tenant)
    assert registered == Outcome(registered.id, 1, Position(shard, 2))
    assert activated == Outcome(registered.id, 2, Position(shard, 3))
    assert acme.appended[-2:] == [(Position(shard, 2), 1), (Position(shard, 3), 1)]


def test_events_tell_who_caused_them(acme: Directory):
    acme.register()

    event = acme.store.read(shard_of(acme.tenant), 1, 1)[0]
    assert event.metadata == {
        "correlation_id": "c-1",
        "causation_id": None,
        "actor_id": "root",
        "command": "RegisterUser",
        "traceparent": "00-1",
    }


def test_a_command_that_changes_nothing_appends_nothing(acme: Directory):
    user = acme.active_user()
    changed = acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"})
    told = len(acme.appended)

    again = acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"})

    assert again == changed
    assert len(acme.appended) == told


def test_a_refused_command_leaves_nothing(acme: Directory):
    user = acme.active_user()
    before = acme.head

    with pytest.raises(UserAlreadyActive):
        acme.do(ActivateUser, user_id=user)
    with pytest.raises(UserNotFound):
        acme.do(ActivateUser, user_id=str(uuid4()))

    assert acme.head == before


def test_an_id_of_another_kind_of_thing_is_not_found(acme: Directory):
    with pytest.raises(UserNotFound):
        acme.do(ActivateUser, user_id=acme.tenant)


def test_a_named_version_has_to_be_the_present_one(acme: Directory):
    user = acme.active_user()

    with pytest.raises(VersionMismatch) as error:
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, expected_version=1)
    assert error.value.data == {"expected": 1, "actual": 2}

    acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, expected_version=2)


def after_the_load(acme: Directory, monkeypatch: pytest.MonkeyPatch, interfere) -> None:
    """Let somebody else be quicker, once: *interfere* between the next load and its append."""
    pending, histories = iter([interfere]), acme.store.histories

    def load(*arguments):
        loaded = histories(*arguments)
        next(pending, lambda: None)()
        return loaded

    monkeypatch.setattr(acme.store, "histories", load)


def test_a_version_that_changes_after_the_load_is_a_mismatch_too(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    user = acme.active_user()
    after_the_load(acme, monkeypatch, lambda: acme.do(UpdateUser, user_id=user, changes={"first_name": "Quick"}))
    with pytest.raises(VersionMismatch):
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Slow"}, expected_version=2)


def test_without_a_named_version_the_command_is_decided_anew(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    user = acme.active_user()
    after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=user, reason=None))
    with pytest.raises(UserNotActive):
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Slow"})


def test_one_who_keeps_losing_gives_up(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    user = acme.active_user()
    stale = acme.store.histories(acme.tenant, {user: 1})
    acme.do(UpdateUser, user_id=user, changes={"first_name": "Quick"})
    monkeypatch.setattr(acme.store, "histories", lambda *_: stale)

    with pytest.raises(ConcurrencyConflict):
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Slow"})


def test_nothing_is_done_for_a_sender_who_is_being_deactivated(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    owner = acme.active_user()
    sender = Actor(owner, acme.tenant, frozenset({"user"}))
    workspace = str(uuid4())
    acme.do(CreateWorkspace, actor=sender, workspace_id=workspace, name="Sales")
    after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=owner, reason=None))

    with pytest.raises(SenderDeactivated):
        acme.do(UpdateWorkspace, actor=sender, workspace_id=workspace, changes={"name": "Marketing"})


def test_a_member_is_not_added_while_it_is_being_deactivated(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    owner, user = acme.active_user(), acme.active_user()
    admin = Actor(owner, acme.tenant, frozenset({"user"}))
    workspace = str(uuid4())
    acme.do(CreateWorkspace, actor=admin, workspace_id=workspace, name="Sales")
    after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=user, reason=None))
    with pytest.raises(UserNotActive):
        acme.do(AddMember, actor=admin, workspace_id=workspace, user_id=user, role="member")


class TestIdempotency:
    def test_the_same_request_again_gets_the_same_answer_and_does_nothing(self, acme: Directory):
        key = Idempotency("key", "print")
        first = acme.register(idempotency=key)
        head = acme.head

        again = acme.register(idempotency=key)

        assert (again.id, again.version, again.position) == (first.id, first.version, first.position)
        assert again.replayed
        assert acme.head == head

    def test_another_request_with_the_key_is_refused(self, acme: Directory):
        acme.register(idempotency=Idempotency("key", "print"))

        with pytest.raises(IdempotencyKeyReused):
            acme.register(idempotency=Idempotency("key", "other"))

    def test_a_command_that_changed_nothing_does_nothing_later_either(self, acme: Directory):
        user = acme.active_user()
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"})
        key = Idempotency("key", "print")
        same = {"user_id": user, "changes": {"first_name": "Grace"}, "idempotency": key}
        first = acme.do(UpdateUser, **same)
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Ada"})

        again = acme.do(UpdateUser, **same)

        assert (again.version, again.position) == (first.version, first.position)
        assert again.replayed

    def test_a_refused_command_may_be_tried_again_with_its_key(self, acme: Directory):
        user = acme.register().id
        key = Idempotency("key", "print")
        with pytest.raises(UserNotActive):
            acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, idempotency=key)
        acme.do(ActivateUser, user_id=user)

        assert acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, idempotency=key).version == 3

    def test_sixteen_at_once_make_one_event(self, acme: Directory):
        key, together = Idempotency("key", "print"), Barrier(16)
        outcomes: list[Outcome] = []

        def go() -> None:
            together.wait()
            outcomes.append(acme.register(idempotency=key))

        threads = [Thread(target=go) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert acme.head == 2
        assert len(outcomes) == 16
        assert len({(outcome.id, outcome.version, outcome.position) for outcome in outcomes}) == 1
        assert sum(not outcome.replayed for outcome in outcomes) == 1


def test_a_long_history_is_read_from_its_snapshot(acme: Directory):
    owner = acme.active_user()
    actor = Actor(owner, acme.tenant)
    workspace = acme.do(CreateWorkspace, actor=actor, workspace_id=str(uuid4()), name="Sales").id
    for number in range(101):
        acme.do(UpdateWorkspace, actor=actor, workspace_id=workspace, changes={"description": str(number)})

    snapshot, events = acme.store.histories(acme.tenant, {workspace: 1})[workspace]
    assert snapshot
    assert snapshot.version == 100
    assert [event.version for event in events] == [101, 102]
    assert acme.do(UpdateWorkspace, actor=actor, workspace_id=workspace, changes={"description": "100"}).version == 102
    assert acme.do(UpdateWorkspace, actor=actor, workspace_id=workspace, changes={"description": "x"}).version == 103


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

    def test_a_deactivated_admin_imports_nobody(self, acme: Directory):
        gone = acme.active_user()
        acme.do(DeactivateUser, user_id=gone, reason=None)
        admin = Actor(gone, acme.tenant, frozenset({"admin"}))
        head = acme.head

        results = self.register(acme, *(replace(acme.registration(), actor=admin) for _ in range(2)))

        assert [type(result) for result in results] == [SenderDeactivated, SenderDeactivated]
        assert acme.head == head

    def test_a_tenant_that_does_not_exist_gets_nobody(self, acme: Directory):
        acme.tenant = str(uuid4())

        results = self.register(acme, acme.registration(), acme.registration())

        assert [type(result) for result in results] == [TenantNotFound, TenantNotFound]

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
