"""Some lines of an import, taken apart, carried out at once, and what came of each."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from domain.model.errors import DomainError
from domain.model.users.commands import RegisterUser
from domain.write.outcome import Idempotency, Outcome
from web import commands, conditions, json_body, problems, tenancy
from web.arguments import by_field
from web.context import actor, container, metadata
from web.errors import LineTooLong, TooManyLines, ValidationFailed
from web.ndjson import LINE_BYTES
from web.users.schemas import RegisterUserBody

_SCHEMA = RegisterUserBody()


class Chunk:
    """Collects lines by their number. With an Idempotency-Key each line has one of its own, made from it."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._results: dict[int, Outcome | Exception] = {}
        self._commands: dict[int, tuple[RegisterUser, Idempotency | None]] = {}

    @classmethod
    def from_request(cls) -> Chunk:
        """An empty chunk of the request in hand. Raises Malformed for a bad Idempotency-Key."""
        return cls(conditions.idempotency_key())

    def __len__(self) -> int:
        return len(self._results) + len(self._commands)

    def add(self, number: int, line: bytes | None) -> None:
        """Take in a line; one that can't be understood is refused at once, and the others don't suffer from it."""
        try:
            self._commands[number] = self._command(line), self._idempotency(number, line or b"")
        except DomainError as error:
            self.refuse(number, error)

    def refuse(self, number: int, error: DomainError) -> None:
        """Let *error* be the result of a line."""
        self._results[number] = error

    def refuse_surplus(self, number: int, limit: int) -> None:
        """Refuse a line that is one too many."""
        self.refuse(number, TooManyLines(limit=limit))

    def carry_out(self) -> list[dict[str, Any]]:
        """Register the users, and return the result of each line in the order of the lines. The chunk is empty then."""
        by_tenant: dict[str, list[int]] = {}
        for number, (command, _) in self._commands.items():
            by_tenant.setdefault(command.tenant_id, []).append(number)
        for numbers in by_tenant.values():
            self._results.update(zip(numbers, self._register(numbers), strict=True))
        results = [_result(number, self._results[number]) for number in sorted(self._results)]
        self._results, self._commands = {}, {}
        return results

    def _register(self, numbers: list[int]) -> list[Outcome | Exception]:
        pairs = [self._commands[number] for number in numbers]
        keys = [idempotency for _, idempotency in pairs if idempotency is not None]
        try:
            return list(
                container().command_bus.register_users(
                    [command for command, _ in pairs], metadata=metadata(), idempotency=keys or None
                )
            )
        except Exception as error:
            # The answer has begun, so an outage can only be told line by line, and a defect has to be logged here.
            problems.from_error(error)
            return [error] * len(numbers)

    def _command(self, line: bytes | None) -> RegisterUser:
        if line is None:
            raise LineTooLong(limit=LINE_BYTES)
        try:
            body: dict[str, Any] = _SCHEMA.load(json_body.parse(line))
        except ma.ValidationError as error:
            raise ValidationFailed(errors=by_field(error.messages)) from None
        tenant_id = tenancy.for_new_user(body.pop("tenant_id", None))
        return RegisterUser(tenant_id=tenant_id, actor=actor(), user_id=commands.new_id(), **body)

    def _idempotency(self, number: int, line: bytes) -> Idempotency | None:
        # No Idempotency-Key of a client's has a space in it, so those of lines are in nobody's way.
        return None if self._key is None else Idempotency(f"{self._key} {number}", conditions.fingerprint(line))


def _result(number: int, result: Outcome | Exception) -> dict[str, Any]:
    if isinstance(result, Outcome):
        return {"line": number, "status": 201, "id": result.id}
    status, code, detail = problems.describe(result)
    return {"line": number, "status": status, "code": code, "detail": detail}
