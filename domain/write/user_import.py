"""Many registrations in one append."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from domain.model.errors import (
    CommandAlreadyDone,
    ConcurrencyConflict,
    DomainError,
    EmailTaken,
    IdempotencyKeyReused,
    QuotaExceeded,
    SenderDeactivated,
    TenantNotFound,
)
from domain.model.position import Position
from domain.model.users.aggregate import User
from domain.model.users.commands import RegisterUser
from domain.write.advance import advance
from domain.write.event_store import Append, EventStore, NewEvent
from domain.write.outcome import Idempotency, Metadata, Outcome
from domain.write.repository import Repository

Result = Outcome | DomainError


def register_users(
    store: EventStore,
    repository: Repository,
    commands: Sequence[RegisterUser],
    metadata: Metadata,
    idempotency: Sequence[Idempotency] | None,
    now: datetime,
) -> list[Result]:
    """Register users of one tenant as the single commands would, at the cost of one; see CommandBus.register_users."""
    batch = _Batch(commands, idempotency)
    batch.replay(store)
    batch.decide()
    while batch.pending:
        senders: dict[str, int] = {}
        try:
            senders = _senders(repository, commands)
            batch.done(store.append(batch.append(metadata, now, senders)))
        except SenderDeactivated as error:
            batch.refuse(batch.pending, error)
        except ConcurrencyConflict as error:
            if error.data["aggregate_id"] not in senders:
                raise
            # The sender has changed since it was looked at, and may have been deactivated.
        except CommandAlreadyDone:
            # Another request with the same keys came first: its answers are ours.
            batch.replay(store)
            batch.decide()
        except EmailTaken as error:
            batch.refuse((i for i, new in batch.pending.items() if _email(new) in error.data["values"]), error)
        except QuotaExceeded as error:
            room = max(0, error.data["limit"] - error.data["used"])
            batch.refuse(list(batch.pending)[room:], error)
        except TenantNotFound as error:
            batch.refuse(batch.pending, error)
    return batch.results()


def _senders(repository: Repository, commands: Sequence[RegisterUser]) -> dict[str, int]:
    """Return the versions of those who send *commands*, as far as they may be users. Raises SenderDeactivated."""
    wanted = [("user", id) for id in {command.sender_id for command in commands} if id]
    users = [cast(User, loaded.aggregate) for loaded in repository.load(commands[0].tenant_id, *wanted)]
    for user in users:
        user.refuse_if_deactivated()
    return {user.id: user.version for user in users}


class _Batch:
    """The commands of one import by their index: those still to be stored, and what became of the rest."""

    def __init__(self, commands: Sequence[RegisterUser], idempotency: Sequence[Idempotency] | None) -> None:
        self._commands = commands
        self._idempotency = idempotency
        self._results: dict[int, Result] = {}
        self._repeated: dict[int, tuple[int, EmailTaken]] = {}
        self.pending: dict[int, NewEvent] = {}

    def replay(self, store: EventStore) -> None:
        """Take over the answers that earlier requests with the same keys got."""
        if not self._idempotency:
            return
        records = store.answered(self._commands[0].tenant_id, [each.key for each in self._idempotency])
        for index, asked in enumerate(self._idempotency):
            if asked.key in records and index not in self._results:
                try:
                    self._results[index] = Outcome.replay(records[asked.key], asked)
                except IdempotencyKeyReused as error:
                    self._results[index] = error

    def decide(self) -> None:
        """Let a new user decide on each command without a result; of two with the same address the first is tried."""
        firsts: dict[str, int] = {}
        self.pending, self._repeated = {}, {}
        for index, command in enumerate(self._commands):
            if index in self._results:
                continue
            user = User(command.user_id)
            try:
                (new,) = advance(user, user.decide(command))
            except DomainError as error:
                self._results[index] = error
                continue
            first = firsts.setdefault(_email(new), index)
            if first == index:
                self.pending[index] = new
            else:
                self._repeated[index] = first, EmailTaken(values=[_email(new)])

    def append(self, metadata: Metadata, now: datetime, senders: Mapping[str, int]) -> Append:
        """All that is pending, as one append, for which the *senders* have to be as they were."""
        command = self._commands[0]
        return Append(
            tenant_id=command.tenant_id,
            occurred_at=now,
            events=list(self.pending.values()),
            expected={**{new.aggregate_id: 0 for new in self.pending.values()}, **senders},
            metadata=metadata.of(type(command).__name__, command.actor),
            idempotency=[
                Outcome(new.aggregate_id, new.version, Position(0, 0)).record(self._idempotency[index], ordinal)
                for ordinal, (index, new) in enumerate(self.pending.items(), start=1)
            ]
            if self._idempotency
            else (),
        )

    def done(self, last: Position) -> None:
        """Everything pending was stored; *last* is the position of its last event."""
        first = last.offset - len(self.pending) + 1
        for place, (index, new) in enumerate(self.pending.items()):
            self._results[index] = Outcome(new.aggregate_id, new.version, Position(last.shard, first + place))
        self.pending.clear()

    def refuse(self, indexes: Iterable[int], error: DomainError) -> None:
        """Give *error* as the answer to those commands, and take them out."""
        for index in list(indexes):
            self._results[index] = error
            del self.pending[index]

    def results(self) -> list[Result]:
        """What became of each command, in their order."""
        for index, (first, taken) in self._repeated.items():
            # Nobody has the address if the first to ask for it was refused; the second is refused for the same reason.
            result = self._results[first]
            self._results[index] = result if isinstance(result, DomainError) else taken
        return [self._results[index] for index in range(len(self._commands))]


def _email(new: NewEvent) -> str:
    """The address that the registration reserves."""
    return new.claims.reserve[0].value
