"""What can go wrong in the domain. One base class; the docstring is the message, the attributes are its data."""

from __future__ import annotations

import re
from typing import Any, ClassVar


class DomainError(Exception):
    """The command can't be carried out."""

    #: The machine-readable name: the class name in snake case, where a class does not say another.
    code: ClassVar[str] = "domain_error"

    def __init_subclass__(cls) -> None:
        if "code" not in vars(cls):
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, **data: Any) -> None:
        """*data* fills the braces in the docstring and is kept as attributes."""
        self.data = data
        self.__dict__.update(data)
        super().__init__((self.__doc__ or "").strip().format(**data))


class NotFound(DomainError):
    """There is no such thing."""


class TenantNotFound(NotFound):
    """There is no such tenant."""


class UserNotFound(NotFound):
    """There is no such user."""


class WorkspaceNotFound(NotFound):
    """There is no such workspace."""


class MemberNotFound(NotFound):
    """The workspace has no such member."""


class Forbidden(DomainError):
    """You may not do this."""


class CreatorNotActive(Forbidden):
    """Only an active user of the tenant may create a workspace."""


class SenderDeactivated(Forbidden):
    """You have been deactivated, and can change nothing in the tenant any more."""


class Invalid(DomainError):
    """The value of {field} is not valid: {reason}."""


class InvalidPosition(DomainError):
    """A position is written as shard-offset, for example 17-4211."""


class RuleBroken(DomainError):
    """A rule of the domain forbids this."""


class SlugTaken(RuleBroken):
    """Another tenant has this slug."""


class EmailTaken(RuleBroken):
    """Another user of the tenant has this e-mail address."""


class WorkspaceNameTaken(RuleBroken):
    """Another workspace of the tenant has this name."""


class QuotaExceeded(RuleBroken):
    """The plan allows {limit} {resource}, and no more."""


class PlanTooSmall(RuleBroken):
    """The tenant uses more than this plan allows: {used} {resource} of {limit}."""


class UserAlreadyActive(RuleBroken):
    """The user is active already."""


class UserAlreadyDeactivated(RuleBroken):
    """The user is deactivated already."""


class UserNotActive(RuleBroken):
    """The user is not active."""


class BaseRoleRequired(RuleBroken):
    """Every user has the role user; it can't be taken away."""


class AlreadyMember(RuleBroken):
    """The user is a member of the workspace already."""


class MemberUserNotFound(RuleBroken):
    """The user does not exist in this tenant."""


class LastOwner(RuleBroken):
    """The last owner of a workspace can neither leave it nor step down."""


class WorkspaceDeleted(RuleBroken):
    """The workspace has been deleted."""


class ConcurrencyConflict(DomainError):
    """Somebody else changed this first: expected version {expected}, found {actual}."""


class VersionMismatch(DomainError):
    """The version you named is not the present one: expected {expected}, found {actual}."""


class IdempotencyKeyReused(DomainError):
    """This Idempotency-Key was used for another request."""


class CommandAlreadyDone(DomainError):
    """The command with this Idempotency-Key has been carried out."""


class NotCaughtUp(DomainError):
    """The read models have not reached {position} yet."""


class AggregateParked(NotCaughtUp):
    """The read models don't show {position}: an event of {aggregate_id} could not be applied. {prospect}"""


class ProjectionPaused(NotCaughtUp):
    """The read models don't reach {position} now: the projection {projection} is paused."""


class Unavailable(DomainError):
    """The service can't answer now: {reason}."""


class EventNotReadable(Unavailable):
    """This release can't read {event_type} of version {schema_version}: {reason}."""
