"""429 for who sends too much."""

from __future__ import annotations

from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from flask import Flask, Response, g, request
from flask_limiter import Limiter
from werkzeug.middleware.proxy_fix import ProxyFix

from domain.bootstrap import Container
from web.errors import TooManyRequests
from web.limits import storage
from web.limits.meter import Meter

#: Under which of the counters that all processes share an exchange of counts is found that did not come about.
FAILED = ("limits", "all", "failed")

#: In the WSGI environment of a request that was counted under its address, and let through, before it came to Flask.
ADDRESS_COUNTED = "cqrs.address_counted"


class Meters(NamedTuple):
    """What requests are counted by."""

    address: Meter
    principal: Meter


def install(app: Flask, container: Container) -> Meters:
    """Count requests by address, which has to come before the token is looked at, and answer 429 beyond the limit.

    The count by principal is installed after authorization, which finds the principal.
    """
    settings = container.settings
    failed = partial(container.caching.cache.counters.count, *FAILED)
    limiter = Limiter(
        lambda: address(request.remote_addr),
        strategy="fixed-window",
        storage_uri=f"{storage.LAZY}{settings.cache_redis_url}",
        storage_options={"failed": failed},  # type: ignore[dict-item]
    )
    # An application that has the limiter already gets no hooks of it. They look for limits of the endpoint, which takes
    # a quarter as long as the rest of a cached answer, though all endpoints have the same two.
    app.extensions["limiter"] = {limiter}
    limiter.init_app(app)
    meters = Meters(
        Meter(limiter, "address", settings.rate_limit_per_address),
        Meter(limiter, "principal", settings.rate_limit_per_principal),
    )

    @app.before_request
    def limit_address() -> None:
        if not _exempt() and ADDRESS_COUNTED not in request.environ:
            _count(meters.address, address(request.remote_addr))

    @app.after_request
    def tell(response: Response) -> Response:
        if response.status_code == 429 and (breach := g.get("breach")):
            limit, left = breach
            response.headers["RateLimit"] = f'"{limit.namespace}";r=0;t={left}'
            response.headers["RateLimit-Policy"] = f'"{limit.namespace}";q={limit.amount};w={limit.get_expiry()}'
        return response

    return meters


def install_for_principals(app: Flask, meter: Meter) -> None:
    """Count requests by the principal that authorization has found."""

    @app.before_request
    def limit_principal() -> None:
        if (actor := g.get("actor")) is not None:
            _count(meter, actor.principal)


def trust_proxies(app: Flask, count: int) -> None:
    """Believe what so many proxies in front of us say of where a request comes from.

    To be said last of what stands before the application, so that all of it sees the same address.
    """
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]


def _count(meter: Meter, name: str) -> None:
    if not meter.admits(name):
        g.breach = limit, left = meter.breach(name)
        raise TooManyRequests(limit=limit.amount, seconds=limit.get_expiry(), kind=limit.namespace, retry_after=left)


def _exempt() -> bool:
    # Who looks whether we live must not be told that we are busy.
    return request.blueprint == "health"


@lru_cache(maxsize=4096)
def address(remote: str | None) -> str:
    """Return what is limited as one: an IPv4 address, or the /64 that one subscriber has of IPv6."""
    try:
        parsed = ip_address(remote or "")
    except ValueError:
        return remote or ""
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
