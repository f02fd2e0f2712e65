"""429 for who sends too much."""

from __future__ import annotations

import hashlib
import math
import time
from functools import partial
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request
from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerSecond
from werkzeug.middleware.proxy_fix import ProxyFix

from domain.bootstrap import Container
from domain.settings import Rate
from web.errors import TooManyRequests
from web.limits import storage

#: Under which of the counters that all processes share an exchange of counts is found that did not come about.
FAILED = ("limits", "all", "failed")


def install(app: Flask, container: Container) -> Limiter:
    """Count requests by address, which has to come before the token is looked at, and answer 429 beyond the limit.

    The count by principal is installed after authorization, which finds the principal.
    """
    settings = container.settings
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies)  # type: ignore[method-assign]
    failed = partial(container.caching.cache.counters.count, *FAILED)
    limiter = Limiter(
        _address,
        strategy="fixed-window",
        storage_uri=f"{storage.LAZY}{settings.cache_redis_url}",
        storage_options={"failed": failed},  # type: ignore[dict-item]
    )
    # An application that has the limiter already gets no hooks of it. They look for limits of the endpoint, which takes
    # a quarter as long as the rest of a cached answer, though all endpoints have the same two.
    app.extensions["limiter"] = {limiter}
    limiter.init_app(app)
    limit = _limit("address", settings.rate_limit_per_address)

    @app.before_request
    def limit_address() -> None:
        if limit is not None and not _exempt():
            _hit(limiter, limit, _address())

    @app.after_request
    def tell(response: Response) -> Response:
        if response.status_code == 429 and (breach := g.get("rate_limit")):
            limit, left = breach
            response.headers["RateLimit"] = f'"{limit.namespace}";r=0;t={left}'
            response.headers["RateLimit-Policy"] = f'"{limit.namespace}";q={limit.amount};w={limit.get_expiry()}'
        return response

    return limiter


def install_for_principals(app: Flask, container: Container, limiter: Limiter) -> None:
    """Count requests by the principal that authorization has found."""
    limit = _limit("principal", container.settings.rate_limit_per_principal)

    @app.before_request
    def limit_principal() -> None:
        if limit is not None and (principal := g.get("actor")) is not None:
            _hit(limiter, limit, f"{principal.tenant_id}\n{principal.id}")


def _limit(kind: str, rate: Rate | None) -> RateLimitItem | None:
    return None if rate is None else RateLimitItemPerSecond(rate.amount, rate.seconds, namespace=kind)


def _hit(limiter: Limiter, limit: RateLimitItem, name: str) -> None:
    # A name may be an e-mail address, or anything else that has no business in Redis.
    short = hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
    if not limiter.limiter.hit(limit, short):
        ends = limiter.limiter.get_window_stats(limit, short).reset_time
        left = max(1, math.ceil(ends - time.time()))
        g.rate_limit = (limit, left)
        raise TooManyRequests(limit=limit.amount, seconds=limit.get_expiry(), kind=limit.namespace, retry_after=left)


def _exempt() -> bool:
    # Who looks whether we live must not be told that we are busy.
    return request.blueprint == "health"


def _address() -> str:
    """Return what is limited as one: an IPv4 address, or the /64 that one subscriber has of IPv6."""
    address = request.remote_addr or ""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return address
