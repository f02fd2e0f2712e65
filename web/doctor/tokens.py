"""Whether tokens can be verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from domain.bootstrap import Container
from web.doctor.finding import Finding, fail, ok, warn
from web.jwks import fetched


def tokens(container: Container) -> Iterator[Finding]:
    settings = container.settings
    if settings.jwt_jwks_url is None:
        yield ok("tokens", f"HS256 with a secret of {len((settings.jwt_secret or '').encode())} bytes")
    else:
        try:
            keys = fetched(settings.jwt_jwks_url)
        except Exception as error:
            yield fail(
                "tokens",
                f"JWT_JWKS_URL gives no usable key: {type(error).__name__}: {error}",
                "Until it does no token can be verified, and every request is 503. Look at the identity provider.",
            )
        else:
            kinds = Counter(key.algorithm for key in keys.values())
            told = ", ".join(f"{n} for {kind}" for kind, n in sorted(kinds.items()))
            yield ok("tokens", f"JWT_JWKS_URL gives keys: {told}")
    for name, value in (("JWT_ISSUER", settings.jwt_issuer), ("JWT_AUDIENCE", settings.jwt_audience)):
        if value is None and settings.jwt_jwks_url is not None:
            yield warn(name, "not set: tokens that were made for other services are taken too", "Set it.")
