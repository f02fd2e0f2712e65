"""From a bearer token to the Actor it stands for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt

from domain.model import fields
from domain.model.actor import Actor
from domain.model.errors import DomainError, Invalid, Unavailable
from domain.model.users.roles import ADMIN, SUPER_ADMIN, USER
from domain.settings import Settings
from web.errors import Unauthenticated
from web.ids import canonical
from web.jwks import FetchedKeys
from web.keys import KeySource, SharedSecret

#: No token of ours comes near it; a longer header is refused before anything is decoded.
MAX_HEADER_LENGTH = 8192

#: Seconds that the clock of whoever makes tokens may be ahead of ours: ``iat`` and ``nbf`` may be so late. For ``exp``
#: there is no grace.
GRACE = 5

#: Later than any token that is meant to end.
_ENDLESS = 2**53

KNOWN_ROLES = frozenset({USER, ADMIN, SUPER_ADMIN})


#: So many verified tokens are remembered, a few megabytes of them. Then all are verified anew.
REMEMBERED = 10_000


class _Verified(NamedTuple):
    actor: Actor
    until: int
    keys_version: int


class Authenticator:
    """Verifies tokens. *issuer* and *audience* are checked when given; the expiry always, to the second."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        refused: Callable[[DomainError], object] = lambda _: None,
    ) -> None:
        """*refused* is told why a token is refused."""
        self._keys = keys
        #: Returns a number that changes when a key is no longer good, so that tokens have to be verified again.
        self.keys_version: Callable[[], int] = keys.version
        self._refused = refused
        self._issuer = issuer
        self._audience = audience
        #: By header: a client sends the same many times, and a signature takes longer than all else before a command.
        self._verified: dict[str, _Verified] = {}

    @classmethod
    def from_settings(
        cls, settings: Settings, refused: Callable[[DomainError], object] = lambda _: None
    ) -> Authenticator:
        keys: KeySource
        if settings.jwt_jwks_url is not None:
            keys = FetchedKeys(settings.jwt_jwks_url)
        else:
            keys = SharedSecret(settings.jwt_secret or "")
        return cls(keys, issuer=settings.jwt_issuer, audience=settings.jwt_audience, refused=refused)

    def authenticate(self, header: str | None) -> Actor:
        """Return who sent the Authorization *header*. Raises Unauthenticated; Unavailable if keys can't be fetched."""
        return self.verify(header)[0]

    def verify(self, header: str | None) -> tuple[Actor, int]:
        """Return who sent the Authorization *header*, and when the token ends, in seconds since 1970.

        Raises what authenticate() raises.
        """
        try:
            return self._verify(header)
        except (Unauthenticated, Unavailable) as error:
            self._refused(error)
            raise

    def _verify(self, header: str | None) -> tuple[Actor, int]:
        if header is None:
            raise Unauthenticated(reason="there is none")
        keys_version = self._keys.version()
        known = self._verified.get(header)
        if known is not None and known.keys_version == keys_version and time.time() < known.until:
            return known.actor, known.until
        actor, until = self._verify_anew(header)
        if len(self._verified) >= REMEMBERED:
            self._verified.clear()
        self._verified[header] = _Verified(actor, until, keys_version)
        return actor, until

    def _verify_anew(self, header: str) -> tuple[Actor, int]:
        if len(header) > MAX_HEADER_LENGTH:
            raise Unauthenticated(reason="it is too long")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated(reason="the Authorization header has another form")
        claims = self._claims(token.strip())
        return actor_from(claims), min(int(claims["exp"]), _ENDLESS)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys.key_for(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                leeway=GRACE,
                issuer=self._issuer,
                audience=self._audience,
                # Whether a token that names an audience is for us can only be said when we know our own name.
                options={"require": ["exp"], "verify_aud": self._audience is not None},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(reason="it has expired") from None
        except jwt.ImmatureSignatureError:
            raise Unauthenticated(reason="it is not valid yet") from None
        except jwt.InvalidIssuerError:
            raise Unauthenticated(reason="it is from another issuer") from None
        except jwt.InvalidAudienceError:
            raise Unauthenticated(reason="it is for another audience") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthenticated(reason=f"it has no {error.claim}") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            # The last three come from headers and claims that are JSON of an unforeseen shape.
            raise Unauthenticated(reason="it is not valid") from None
        if int(claims["exp"]) <= time.time():
            # The library's grace is the same for all three.
            raise Unauthenticated(reason="it has expired")
        return claims


def actor_from(claims: dict[str, Any]) -> Actor:
    """Read the claims of a verified token: ``sub`` or ``user_id``, ``tenant_id``, ``role`` or ``roles``.

    Raises Unauthenticated when one is missing or is not what it should be.
    """
    roles = _roles(claims)
    tenant_id = claims.get("tenant_id")
    if tenant_id is None:
        if SUPER_ADMIN not in roles:
            raise Unauthenticated(reason="it names no tenant")
    elif not isinstance(tenant_id, str) or (tenant_id := canonical(tenant_id)) is None:
        raise Unauthenticated(reason="its tenant_id is not a UUID")
    return Actor(id=_subject(claims), tenant_id=tenant_id, roles=roles)


def _subject(claims: dict[str, Any]) -> str:
    subject = claims["sub"] if claims.get("sub") is not None else claims.get("user_id")
    try:
        text = fields.identifier("sub", subject)
    except Invalid:
        text = ""
    if not text:
        raise Unauthenticated(reason="it names no user")
    return canonical(text) or text


def _roles(claims: dict[str, Any]) -> frozenset[str]:
    named: list[Any] = []
    for claim in ("role", "roles"):
        value = claims.get(claim)
        named += value if isinstance(value, list) else [] if value is None else [value]
    if not named or not all(isinstance(role, str) and role in KNOWN_ROLES for role in named):
        raise Unauthenticated(reason=f"its roles are not among {', '.join(sorted(KNOWN_ROLES))}")
    return frozenset(named) | {USER}
