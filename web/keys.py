"""The keys that tokens are verified with."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jwt

from domain.model.errors import Unavailable
from web.errors import Unauthenticated

#: What a key from a JWKS document may be used with. No HMAC here: a public key must never pass for a secret.
ASYMMETRIC = frozenset({"RS256", "ES256", "EdDSA"})


class VerificationKey(NamedTuple):
    """A key, and the one algorithm that it is good for, whatever a token says about itself."""

    key: Any
    algorithm: str


class KeySource(Protocol):
    """Finds the key that a token has to be verified with."""

    def key_for(self, token: str) -> VerificationKey:
        """Return the key for *token*. Raises jwt.PyJWTError or Unauthenticated if there is none."""


class SharedSecret:
    """One secret of 32 bytes or more, shared with whoever makes the tokens: HS256."""

    def __init__(self, secret: str) -> None:
        if len(secret.encode()) < 32:
            raise ValueError("a secret of 32 bytes or more is needed")
        self._key = VerificationKey(secret, "HS256")

    def key_for(self, _token: str) -> VerificationKey:
        return self._key


class FetchedKeys:
    """The public keys of a JWKS document, fetched again when they grow old or a token names an unknown one."""

    def __init__(self, url: str, *, lifespan: float = 300, timeout: float = 2) -> None:
        self._client = jwt.PyJWKClient(url, lifespan=lifespan, timeout=timeout)

    def key_for(self, token: str) -> VerificationKey:
        key_id = jwt.get_unverified_header(token).get("kid")
        if not isinstance(key_id, str):
            raise Unauthenticated(reason="it names no key")
        try:
            key = self._client.get_signing_key(key_id)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError, OSError):
            raise Unavailable(reason="the keys that tokens are verified with can't be fetched") from None
        if key.algorithm_name not in ASYMMETRIC:
            raise Unauthenticated(reason="its key is of a kind that is not accepted")
        return VerificationKey(key.key, key.algorithm_name)
