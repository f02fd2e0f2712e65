"""The base of all commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.model.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something *actor* wants done in a tenant. A subclass names the type and the id of the aggregate it is for."""

    aggregate_type: ClassVar[str]
    #: Whether the command makes the aggregate, so that there is nothing to load.
    creates: ClassVar[bool] = False

    tenant_id: str
    actor: Actor

    @property
    def aggregate_id(self) -> str:
        """The id of the aggregate that decides."""
        raise NotImplementedError

    @property
    def witness_id(self) -> str | None:
        """The id of the user whose standing the rules ask about, where they do."""
        return None
