"""The base of all aggregates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar, Self

from domain.model.claims import NO_CLAIMS, Claims
from domain.model.event import Event


class Aggregate(ABC):
    """The unit that decides. Pure: no clock, no new ids, no I/O; the state is a function of the applied events.

    ``version`` is the number of events applied; 0 means that nothing has happened to it yet, so it doesn't exist.
    A subclass keeps its state in plain attributes set in ``__init__``: JSON values, of which it changes at most the
    outermost list or object in place.
    """

    aggregate_type: ClassVar[str]
    #: Raised when the shape of what is kept of to_snapshot() changes, so that older snapshots are not used any more.
    snapshot_version: ClassVar[int] = 2

    def __init__(self, id: str) -> None:
        self.id = id
        self.version = 0

    @abstractmethod
    def decide(self, command: Any, witness: Any = None) -> Sequence[Event]:
        """Return the events that carry out *command*; none if there is nothing to change. Raises DomainError.

        *witness* is the user that ``command.witness_id`` names, possibly of version 0.
        """

    def apply(self, event: Event) -> None:
        """Take *event* into the state and count it."""
        self._apply(event)
        self.version += 1

    @abstractmethod
    def _apply(self, event: Event) -> None:
        """Take *event* into the state."""

    def claims(self, event: Event) -> Claims:  # noqa: ARG002
        """What *event*, not applied yet, claims beyond this aggregate."""
        return NO_CLAIMS

    def to_snapshot(self) -> dict[str, Any]:
        """The state as JSON values. Later events leave it as it is."""
        return {name: copy(value) for name, value in vars(self).items() if name not in ("id", "version")}

    @classmethod
    def from_snapshot(cls, id: str, version: int, state: dict[str, Any]) -> Self:
        """The opposite of to_snapshot()."""
        aggregate = cls(id)
        aggregate.version = version
        vars(aggregate).update({name: copy(value) for name, value in state.items()})
        return aggregate
