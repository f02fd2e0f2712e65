"""The keys that tokens are verified with."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

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

    def version(self) -> int:
        """Return a number that changes when a key is no longer good: until then what was verified stays verified."""


class SharedSecret:
    """One secret of 32 bytes or more, shared with whoever makes the tokens: HS256."""

    def __init__(self, secret: str) -> None:
        if len(secret.encode()) < 32:
            raise ValueError("a secret of 32 bytes or more is needed")
        self._key = VerificationKey(secret, "HS256")

    def key_for(self, _token: str) -> VerificationKey:
        return self._key

    def version(self) -> int:
        return 0
