"""The base of all commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.model.actor import Actor
from domain.model.fields import is_uuid


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

    @property
    def sender_id(self) -> str | None:
        """The id under which the actor may be a user of the tenant, whom a deactivation has to stop at once.

        A token is valid for a while after its user was deactivated. None where no look is needed: a super_admin is no
        user of a tenant that its token does not name, and a user sees for itself how it stands.
        """
        id = self.actor.id
        elsewhere = self.actor.is_super_admin and self.actor.tenant_id != self.tenant_id
        return None if elsewhere or id == self.aggregate_id or not is_uuid(id) else id
