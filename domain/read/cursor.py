"""The cursor of a paginated list: opaque to clients, it names the list and the place of the last item shown."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from domain.model.errors import Invalid

_PLACE = re.compile(r"(\w)(\d{1,18})", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(list: str, place: int) -> str:
    """Return the cursor past *place* in the list that the letter *list* stands for."""
    return opaque(f"{list}{place}")


def decode(list: str, cursor: str) -> int:
    """Return the place that *cursor* names. Raises Invalid for one that encode() didn't make for this list."""
    match = _PLACE.fullmatch(plain(cursor))
    if match is None or match[1] != list:
        raise Invalid(field="cursor", reason="it is not a cursor of this list")
    return int(match[2])


def opaque(*values: str | int) -> str:
    """Return *values*, with slashes between them, as a text that nobody is tempted to read or make."""
    return base64.urlsafe_b64encode("/".join(map(str, values)).encode()).decode().rstrip("=")


def microseconds(at: datetime) -> int:
    """Return *at* as a cursor has it, which is as exact as PostgreSQL has it."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """Return what microseconds() was given."""
    return _EPOCH + timedelta(microseconds=microseconds)


def plain(text: str) -> str:
    """Return what opaque() was given; something else for a text that it didn't make."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
