"""What a value of each kind may be: the limits, and a check that returns the clean value or raises Invalid.

The checks are total: they take any JSON value, and raise nothing but Invalid. No reason repeats the value, since it may
be huge or not be text that can be sent. Nothing passes that PostgreSQL can't store: no NUL and no lone surrogate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from domain.model.errors import Invalid

#: Lengths count characters, after surrounding white space is taken off.
NAME_LENGTH = 100
EMAIL_LENGTH = 254
DESCRIPTION_LENGTH = 2000
REASON_LENGTH = 500
AVATAR_LENGTH = 2048
TIMEZONE_LENGTH = 64
LANGUAGE_LENGTH = 35
IDENTIFIER_LENGTH = 255

#: What a user has who has said nothing else.
DEFAULT_TIMEZONE = "UTC"
DEFAULT_LANGUAGE = "en"

#: Patterns for the whole value, without anchors.
SLUG_PATTERN = r"[a-z0-9-]{3,50}"
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LANGUAGE_PATTERN = r"(?:[A-Za-z]{2,8}|[ix](?=-))(?:-[A-Za-z0-9]{1,8})*"
#: The form that browsers accept for an e-mail field, with a domain of two labels or more.
EMAIL_PATTERN = (
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)

_URL_CHARACTERS = r"(?i:https?)://[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+"

#: What shows as nothing though Unicode counts it among letters, signs and marks: the fillers of Hangul, the blank of
#: Braille, what joins marks, Khmer's inherent vowels, and what selects a variation of the character before it.
_UNSEEN = r"[\u115F\u1160\u3164\uFFA0\u2800\u034F\u17B4\u17B5\u180B-\u180D\u180F\uFE00-\uFE0F\U000E0100-\U000E01EF]"
#: The embeddings, overrides and isolates of the bidirectional algorithm, by which one name can show as another. The
#: marks of direction (U+200E, U+200F, U+061C) turn nothing, and names of Hebrew and Arabic need them.
_TURNING = r"[\u202A-\u202E\u2066-\u2069]"

Check = Callable[[str, object], Any]


def name(field: str, value: object) -> str:
    """One line of 1 to 100 characters with something to see in it, and nothing that lets it show as another.

    Commands are held to it, not events: those of earlier releases may have other names.
    """
    text = _text(field, value, NAME_LENGTH, also="")
    if text and text.isascii():
        # Of ASCII only spaces show as nothing, and there are none around it; this is most names, and soon said.
        return text
    if all(unicodedata.category(character)[0] in "CZ" for character in _compiled(_UNSEEN).sub("", text)):
        raise Invalid(field=field, reason="it must not be empty")
    if _compiled(_TURNING).search(text):
        raise Invalid(field=field, reason="it must not contain controls of the direction of writing")
    return text


def description(field: str, value: object) -> str:
    """Text of up to 2,000 characters, in lines."""
    return _text(field, value, DESCRIPTION_LENGTH)


def reason(field: str, value: object) -> str | None:
    """Text of up to 500 characters, in lines. None and nothing are the same."""
    return None if value is None else _text(field, value, REASON_LENGTH) or None


def slug(field: str, value: object) -> str:
    return _matching(field, value, SLUG_PATTERN, "it must be 3 to 50 of the characters a-z, 0-9 and -")


def is_uuid(value: object) -> bool:
    return isinstance(value, str) and _compiled(UUID_PATTERN).fullmatch(value) is not None


def uuid(field: str, value: object) -> str:
    """An id: a UUID in its canonical, lower-case form."""
    return _matching(field, value, UUID_PATTERN, "it must be a UUID in lower case")


def identifier(field: str, value: object) -> str:
    """The id that an actor's token gives: any one line of text."""
    return _text(field, value, IDENTIFIER_LENGTH, also="")


def email(field: str, value: object) -> str:
    """An e-mail address, its case as given."""
    text = _text(field, value, EMAIL_LENGTH, also="")
    return _matching(field, text, EMAIL_PATTERN, "it must be an e-mail address")


def avatar(field: str, value: object) -> str | None:
    """An http or https URL, or None for no avatar."""
    if value is None:
        return None
    text = _matching(field, _text(field, value, AVATAR_LENGTH, also=""), _URL_CHARACTERS, _URL_REASON)
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise Invalid(field=field, reason=_URL_REASON)
    return text


_URL_REASON = "it must be an http or https URL"


def timezone(field: str, value: object) -> str:
    """A name from the IANA time zone database."""
    text = _text(field, value, TIMEZONE_LENGTH, also="")
    if text not in _timezones():
        raise Invalid(field=field, reason="it must be the name of an IANA time zone")
    return text


def language(field: str, value: object) -> str:
    """A language tag of BCP 47, checked for its form."""
    text = _text(field, value, LANGUAGE_LENGTH, also="")
    return _matching(field, text, LANGUAGE_PATTERN, "it must be a language tag of BCP 47")


def boolean(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Invalid(field=field, reason="it must be true or false")
    return value


def one_of(field: str, value: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Invalid(field=field, reason=f"it must be one of {', '.join(allowed)}")
    return value


def changes(value: object, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Check a dict of changed fields, each by the check of its name. A field that has no check is refused."""
    if not isinstance(value, Mapping):
        raise Invalid(field="changes", reason="it must be an object")
    for field in value:
        if field not in checks:
            known = isinstance(field, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", field)
            raise Invalid(field=field if known else "changes", reason="there is no such field to change")
    return {field: checks[field](field, new) for field, new in value.items()}


@cache
def _timezones() -> frozenset[str]:
    # Some systems keep a link of this name to the zone of the machine; it isn't the name of a zone.
    return frozenset(available_timezones() - {"localtime"})


#: Asked by a text, it answers several times as fast as the module's own functions, which matters to an import.
_compiled = cache(re.compile)


def _matching(field: str, value: object, pattern: str, reason: str) -> str:
    if not isinstance(value, str) or not _compiled(pattern).fullmatch(value):
        raise Invalid(field=field, reason=reason)
    return value


def _text(field: str, value: object, length: int, *, also: str = "\n\r\t") -> str:
    """Text without surrounding white space, of control characters only those in *also*."""
    if not isinstance(value, str):
        raise Invalid(field=field, reason="it must be text")
    text = value.strip()
    if len(text) > length:
        raise Invalid(field=field, reason=f"it must be no longer than {length} characters")
    # What Python calls printable has none of them, which is sooner said of a whole text.
    if not text.isprintable() and any(
        unicodedata.category(character) in _UNWANTED and character not in also for character in text
    ):
        raise Invalid(field=field, reason="it must not contain control characters")
    return text


#: Control characters (NUL is one), surrogates, and the separators of lines and paragraphs.
_UNWANTED = frozenset({"Cc", "Cs", "Zl", "Zp"})
