"""429 for who sends too much."""

from __future__ import annotations

import hashlib
import math
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from domain.settings import Rate, Settings
from web.errors import TooManyRequests
from web.limits.counters import SharedCounters


def install(app: Flask, settings: Settings) -> None:
    """Count requests by address, which has to come before the token is looked at, and answer 429 beyond the limit.

    The count by principal is installed after authorization, which finds the principal.
    """
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies)  # type: ignore[method-assign]
    counters = app.extensions["rate limits"] = SharedCounters(settings.cache_redis_url)

    @app.before_request
    def limit_address() -> None:
        if settings.rate_limit_per_address is not None and not _exempt():
            _count(counters, "address", _network(request.remote_addr or ""), settings.rate_limit_per_address)

    @app.after_request
    def tell(response: Response) -> Response:
        if response.status_code == 429 and (limit := g.get("rate_limit")):
            kind, rate, left = limit
            response.headers["RateLimit"] = f'"{kind}";r=0;t={left}'
            response.headers["RateLimit-Policy"] = f'"{kind}";q={rate.amount};w={rate.seconds}'
        return response


def install_for_principals(app: Flask, settings: Settings) -> None:
    """Count requests by the principal that authorization has found."""
    counters: SharedCounters = app.extensions["rate limits"]

    @app.before_request
    def limit_principal() -> None:
        if settings.rate_limit_per_principal is not None and (principal := g.get("actor")) is not None:
            name = f"{principal.tenant_id}\n{principal.id}"
            _count(counters, "principal", name, settings.rate_limit_per_principal)


def _count(counters: SharedCounters, kind: str, name: str, rate: Rate) -> None:
    # A name may be an e-mail address, or anything else that has no business in Redis.
    short = hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
    count, left = counters.hit(f"{kind}:{short}", rate.seconds)
    if count > rate.amount:
        g.rate_limit = (kind, rate, math.ceil(left))
        raise TooManyRequests(limit=rate.amount, seconds=rate.seconds, kind=kind, retry_after=math.ceil(left))


def _exempt() -> bool:
    # Who looks whether we live must not be told that we are busy.
    return request.blueprint == "health"


def _network(address: str) -> str:
    """Return what is limited as one: an IPv4 address, or the /64 that one subscriber has of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return address
