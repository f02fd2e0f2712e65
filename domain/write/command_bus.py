"""Commands in, events out."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import cast

from domain import tracing
from domain.model.command import Command
from domain.model.errors import ConcurrencyConflict, DomainError, Unavailable, VersionMismatch
from domain.model.position import Position
from domain.model.users.aggregate import User
from domain.model.users.commands import RegisterUser
from domain.telemetry.counters import Counters
from domain.telemetry.names import COMMAND
from domain.write.advance import advance
from domain.write.event_store import Append, EventStore
from domain.write.outcome import Idempotency, Metadata, Outcome, outcome_class
from domain.write.repository import Loaded, Repository, new
from domain.write.user_import import register_users

#: How often a command is decided anew because somebody else changed its aggregate in between.
ATTEMPTS = 20


def nobody(_position: Position, _count: int) -> None:
    """Tell nobody of new events."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class CommandBus:
    """Loads the aggregate, lets it decide, and appends the events it decided on."""

    def __init__(
        self,
        store: EventStore,
        on_appended: Callable[[Position, int], None] = nobody,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        counters: Counters | None = None,
    ) -> None:
        """*on_appended* is told the last position and the number of new events after they are stored.

        What becomes of each command is counted by *counters*.
        """
        self._store = store
        self._repository = Repository(store)
        self._on_appended = on_appended
        self._now = now
        self._sleep = sleep
        self._counters = counters or Counters()

    def execute(
        self,
        command: Command,
        *,
        metadata: Metadata,
        expected_version: int | None = None,
        idempotency: Idempotency | None = None,
    ) -> Outcome:
        """Carry out *command*, or repeat the answer that its Idempotency-Key got before.

        Raises the DomainErrors of the aggregate and of EventStore.append; VersionMismatch if the aggregate isn't at
        *expected_version*; IdempotencyKeyReused; ConcurrencyConflict if others kept changing the aggregate, or if what
        is to be created is there already.
        """
        began = time.monotonic()
        try:
            outcome = self._carry_out(command, metadata, expected_version, idempotency)
        except Exception as error:
            self._count(type(command), began, error)
            raise
        self._count(type(command), began, outcome)
        return outcome

    def _count(self, kind: type[Command], began: float, *results: Outcome | Exception) -> None:
        """Count what came of commands of one *kind*. Of several that were carried out together each took its part."""
        took = (time.monotonic() - began) / max(1, len(results))
        for outcome, n in Counter(map(outcome_class, results)).items():
            self._counters.observe(COMMAND, f"{kind.__name__}/{outcome}", took, n)

    def _carry_out(
        self, command: Command, metadata: Metadata, expected_version: int | None, idempotency: Idempotency | None
    ) -> Outcome:
        if idempotency is None:
            return self._try(command, metadata, expected_version, None)
        if earlier := self._replay(command.tenant_id, idempotency):
            return earlier
        try:
            return self._try(command, metadata, expected_version, idempotency)
        except Unavailable:
            raise
        except DomainError:
            # The same request may have been carried out since we looked, which is why this one is refused.
            if earlier := self._replay(command.tenant_id, idempotency):
                return earlier
            raise

    def _try(
        self, command: Command, metadata: Metadata, expected_version: int | None, idempotency: Idempotency | None
    ) -> Outcome:
        """Carry out *command*, anew where others were faster."""
        for attempt in range(ATTEMPTS):
            try:
                return self._execute(command, metadata, expected_version, idempotency)
            except ConcurrencyConflict as conflict:
                own = conflict.data["aggregate_id"] == command.aggregate_id
                if expected_version is not None and own:
                    raise VersionMismatch(expected=expected_version, actual=conflict.data["actual"]) from None
                # What is there already can't be created however often it is tried.
                if attempt == ATTEMPTS - 1 or (command.creates and own):
                    raise
                self._sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))  # noqa: S311 - Jitter, no secret.
        raise AssertionError("the last attempt returns or raises")

    def _execute(
        self, command: Command, metadata: Metadata, expected_version: int | None, idempotency: Idempotency | None
    ) -> Outcome:
        (aggregate, position), witness, sender = self._load(command)
        if sender is not None:
            sender.refuse_if_deactivated()
        before = aggregate.version
        if expected_version is not None and 0 < before != expected_version:
            raise VersionMismatch(expected=expected_version, actual=before)
        events = aggregate.decide(command, witness)
        new_events = advance(aggregate, events)
        with tracing.span("append", {"cqrs.command": type(command).__name__, "cqrs.events": len(new_events)}):
            if new_events or idempotency:
                # What was decided also depends on how these users stand.
                users = {user.id: user.version for user in (witness, sender) if user is not None}
                expected = {**users, aggregate.id: before}
                outcome = Outcome(aggregate.id, aggregate.version, position)
                appended = self._store.append(
                    Append(
                        tenant_id=command.tenant_id,
                        occurred_at=self._now(),
                        events=new_events,
                        expected=expected if new_events else {},
                        metadata=metadata.of(type(command).__name__, command.actor),
                        idempotency=[outcome.record(idempotency, len(new_events))] if idempotency else (),
                    )
                )
                position = appended if new_events else position
            if new_events:
                self._on_appended(position, len(new_events))
                self._repository.keep_snapshots(command.tenant_id, aggregate, before, position)
        return Outcome(aggregate.id, aggregate.version, position)

    def _load(self, command: Command) -> tuple[Loaded, User | None, User | None]:
        """Return the aggregate, the witness and the sender, as far as the command has them."""
        wanted = [] if command.creates else [(command.aggregate_type, command.aggregate_id)]
        wanted += [("user", id) for id in (command.witness_id, command.sender_id) if id]
        loaded = iter(self._repository.load(command.tenant_id, *wanted))
        if command.creates:
            found = new(command.aggregate_type, command.aggregate_id, command.tenant_id)
        else:
            found = next(loaded)
        witness, sender = (
            cast(User, next(loaded).aggregate) if id else None for id in (command.witness_id, command.sender_id)
        )
        return found, witness, sender

    def _replay(self, tenant_id: str, asked: Idempotency) -> Outcome | None:
        """Return the outcome of the command that had this key. Raises IdempotencyKeyReused for another request."""
        record = self._store.answered(tenant_id, [asked.key]).get(asked.key)
        return None if record is None else Outcome.replay(record, asked)

    def register_users(
        self,
        commands: Sequence[RegisterUser],
        *,
        metadata: Metadata,
        idempotency: Sequence[Idempotency] | None = None,
    ) -> list[Outcome | DomainError]:
        """Carry out *commands*, all for one tenant, in one append; return for each its outcome, or why it was refused.

        *idempotency*: one for each command, or None. They have one sender. A command that is refused doesn't hinder
        the others. Raises Unavailable.
        """
        began = time.monotonic()
        with tracing.span("append", {"cqrs.command": RegisterUser.__name__, "cqrs.events": len(commands)}):
            results = register_users(self._store, self._repository, commands, metadata, idempotency, self._now())
            self._count(RegisterUser, began, *results)
            done = [each for each in results if isinstance(each, Outcome) and not each.replayed]
            if done:
                self._on_appended(done[-1].position, len(done))
        return results
