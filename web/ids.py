"""Ids in paths, tokens and bodies."""

from __future__ import annotations

import re
from uuid import UUID

from werkzeug.routing import BaseConverter

from domain.model.fields import UUID_PATTERN

#: An id that nothing has. What is not a UUID names nothing, so it is treated as this one, and what comes back is the
#: very answer that any other id without a thing behind it gets.
NOTHING = str(UUID(int=0))

_UUID = re.compile(UUID_PATTERN, re.IGNORECASE | re.ASCII)


def canonical(text: str) -> str | None:
    """Return the UUID written in *text* in lower case; None if it isn't one."""
    return text.lower() if _UUID.fullmatch(text) else None


class NameConverter(BaseConverter):
    """``<name:letter_id>`` in a route: any text but the words that are paths of their own beside it."""

    regex = r"(?!(?:retry|skipped)(?:/|$))[^/]+"


class IdConverter(BaseConverter):
    """``<id:user_id>`` in a route: a canonical UUID, NOTHING for any other text."""

    # Words that are paths of their own. As ids they would only make other methods seem to be there.
    regex = r"(?!(?:import|profile)(?:/|$))[^/]+"

    def to_python(self, value: str) -> str:
        return canonical(value) or NOTHING
