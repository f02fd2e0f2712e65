"""Making tokens, for those who hold the secret."""

from __future__ import annotations

import time
from collections.abc import Collection

import jwt

from domain.settings import Settings


def make_token(
    settings: Settings, *, user_id: str, tenant_id: str | None, roles: Collection[str], seconds: float
) -> str:
    """Return a token that our own Authenticator accepts. Raises ValueError if the secret is not ours to use."""
    if settings.jwt_secret is None:
        raise ValueError("tokens are made by the owner of JWT_JWKS_URL, because JWT_SECRET is not set")
    now = int(time.time())
    claims = {
        "sub": user_id,
        "tenant_id": tenant_id,
        "roles": sorted(roles),
        "iat": now,
        "exp": now + int(seconds),
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, settings.jwt_secret, algorithm="HS256")
