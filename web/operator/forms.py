"""Forms: that they come from our own pages, what they say, and what is said after they were sent.

A form carries a signature made with what the browser's cookie holds, a token that no other site can read. It needs no
secret of ours, so that it is the same for all web processes, and also where tokens are verified by a JWKS.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import marshmallow as ma
from flask import Response, g, redirect, request
from itsdangerous import BadData, Signer, URLSafeSerializer
from markupsafe import Markup
from werkzeug.exceptions import Forbidden

from web import session
from web.arguments import by_field
from web.errors import ValidationFailed
from web.surroundings import over_tls

#: The field with the signature, and the one with the page that the form stands on.
FIELD, BACK = "form_token", "back"

_SAID = "operator_said"
_LONGEST_SAID = 600
_OWN_PATH = re.compile(r"/admin(?:/[A-Za-z0-9._~/%-]*)?(?:\?[A-Za-z0-9._~/%&=+*:-]*)?", re.ASCII)

_SIGNER: dict[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}


class ForeignForm(Forbidden):
    """A form that stood on no page of ours, or on one of another session."""

    description = (
        "The form was not sent from this page, or somebody has signed in anew since it was loaded. Nothing was done: "
        "load the page again and repeat it."
    )


def signature(key: str) -> str:
    """Return what forms carry that stand on pages for the browser that has *key* in its cookie."""
    return Signer(key, salt="operator form", **_SIGNER).get_signature(b"form").decode()


def check(key: str) -> None:
    """Raise ForeignForm unless the request in hand is a form that stood on one of our pages for the holder of *key*."""
    signer = Signer(key, salt="operator form", **_SIGNER)
    if not (_same_site() and signer.verify_signature(b"form", request.form.get(FIELD, "").encode())):
        raise ForeignForm


def _same_site() -> bool:
    """Whether the browser says that a page of ours has sent the request. Pages can't make it say what is not so."""
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched is not None:
        return fetched == "same-origin"
    origin = request.headers.get("Origin", "")
    return origin == f"{'https' if over_tls() else request.scheme}://{request.host}"


def hidden(back: str | None = None) -> Markup:
    """Return the fields that every form needs. It leads to *back*, or to the page that it stands on."""
    here = back or request.full_path.rstrip("?")
    return Markup('<input type="hidden" name="{}" value="{}"><input type="hidden" name="{}" value="{}">').format(
        FIELD, signature(g.form_key), BACK, here
    )


def own_path(text: str | None, default: str = session.PATH) -> str:
    """Return *text* if it is the address of one of our pages, else *default*."""
    return text if text and _OWN_PATH.fullmatch(text) and ".." not in unquote(urlsplit(text).path) else default


def loaded(schema: type[ma.Schema], **values: Any) -> dict[str, Any]:
    """Return *values*, without those that are empty, as the API's own *schema* takes them. Raises ValidationFailed."""
    try:
        found: dict[str, Any] = schema().load(
            {name: value for name, value in values.items() if value not in ("", None)}
        )
    except ma.ValidationError as error:
        raise ValidationFailed(errors=by_field(error.messages)) from None
    return found


def done(words: str, to: str | None = None) -> Response:
    """Lead on to the page *to*, or back to where the form stood, and say there what was done."""
    return _say("good", words, to)


def refused(words: str) -> Response:
    """Lead back to where the form stood, and say there why nothing was done."""
    return _say("bad", words, None)


def said() -> tuple[str, str] | None:
    """Return what the last form's sender is to be told: good or bad, and the words."""
    with suppress(BadData, TypeError, ValueError):
        kind, words = _serializer().loads(request.cookies.get(_SAID, ""))
        g.said = True
        return str(kind), str(words)
    return None


def forget_said(response: Response) -> None:
    """Have it told once."""
    if g.get("said"):
        session.forget(response, _SAID)


def _say(kind: str, words: str, to: str | None) -> Response:
    response: Any = redirect(to or own_path(request.form.get(BACK)), 303)
    session.remember(response, _SAID, _serializer().dumps([kind, words[:_LONGEST_SAID]]), 60)
    return response  # type: ignore[no-any-return]


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(g.form_key, salt="operator said", signer_kwargs=_SIGNER)
