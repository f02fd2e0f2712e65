"""What can be wrong with a request before the domain sees it. The domain's own errors are in domain.model.errors."""

from __future__ import annotations

from domain.model.errors import DomainError, VersionMismatch


class Malformed(DomainError):
    """The request is malformed: {reason}."""


class Unauthenticated(DomainError):
    """A valid bearer token is needed: {reason}."""


class NoVersionNamed(VersionMismatch):
    """If-Match has to name a version, as a command's ETag or "<event_version>" of a query's answer does."""

    code = VersionMismatch.code


class TooManyRequests(DomainError):
    """Up to {limit} requests of one {kind} are answered in {seconds} seconds."""


class UnsupportedMediaType(DomainError):
    """The body's media type is not supported here: send {expected}."""


class TooManyLines(DomainError):
    """An import takes up to {limit} users; this line is past them."""


class LineTooLong(DomainError):
    """A line of an import is up to {limit} bytes long."""


class ValidationFailed(DomainError):
    """The request is not valid. ``errors`` holds the messages for each field, with dots in the name of a nested one."""

    errors: dict[str, list[str]]

    def __str__(self) -> str:
        return "; ".join(f"{field}: {' '.join(messages)}" for field, messages in self.errors.items())
