"""The one way from a command to its answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID, uuid4, uuid5

from flask import Response, request

from domain.model.command import Command
from domain.model.errors import ConcurrencyConflict, VersionMismatch
from domain.write.outcome import Idempotency, Outcome
from web import conditions
from web.context import actor, container, metadata
from web.fresh import fresh

#: The root of ids made from an Idempotency-Key.
_KEYED = UUID("6f1c3f0e-8f55-4f0e-9d1c-0a8f5f6d2b11")


def carry_out(command: Command, *, location: Callable[[str], str] | None = None) -> Response:
    """Send *command* to the bus under the conditions in the request's headers, and answer with its outcome.

    *location* makes the path of what was created from its id; the status is then 201.
    """
    key, expected = conditions.idempotency_key(), conditions.expected_version()
    if command.creates:
        conditions.refuse_version()
    try:
        outcome = container().command_bus.execute(
            command,
            expected_version=expected,
            idempotency=None if key is None else Idempotency(key, conditions.fingerprint(request.get_data())),
            metadata=metadata(),
        )
    except VersionMismatch as error:
        raise conditions.mismatch(**error.data) from None
    return answer(outcome, None if location is None else location(outcome.id))


def answer(outcome: Outcome, location: str | None) -> Response:
    """Write *outcome* as every command answers."""
    position = str(outcome.position)
    body = {"id": outcome.id, "version": outcome.version, "position": position}
    headers = {"ETag": f'"{outcome.version}"', "Event-Position": position}
    if location is not None:
        headers["Location"] = location
    if outcome.replayed:
        headers["Idempotency-Replayed"] = "true"
    return fresh(body, 200 if location is None else 201, headers)


def new_id() -> str:
    """Return the id of a thing to be created in a tenant."""
    return str(uuid4())


def create_tenant(made: Callable[[str], Command], *, location: Callable[[str], str]) -> Response:
    """Carry out the command that *made* makes of the id of a tenant to be created.

    With an Idempotency-Key the id is made from the key and its sender, because the record of the first time lies on
    the shard that the tenant's id decides. If that tenant is there and its record is not, the record was forgotten,
    the key is new again, and the next id that it makes is taken. Repetitions come to the same id on the same way.
    """
    key = conditions.idempotency_key()
    for use in itertools.count():
        tenant_id = str(uuid4()) if key is None else keyed_tenant_id(actor().id, key, use)
        # The bus has looked for the record after the conflict, so that of several at once one makes the tenant.
        with suppress(ConcurrencyConflict):
            return carry_out(made(tenant_id), location=location)
    raise AssertionError("there is always a next id")


def keyed_tenant_id(sender: str, key: str, use: int = 0) -> str:
    """Return the id of the tenant that *sender* creates under the Idempotency-Key *key*.

    *use* counts how often the key has made a tenant and was forgotten since.
    """
    # No key has a space in it, so none looks like another one's later use.
    return str(uuid5(_KEYED, f"{sender}\n{key} {use}" if use else f"{sender}\n{key}"))
