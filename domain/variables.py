"""What the text of each variable in the environment means."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar, get_args
from urllib.parse import urlsplit

from domain import redis_servers
from domain.postgres.url import connectable

T = TypeVar("T")

Strategy = Literal["async", "sync", "batch"]


@dataclass(frozen=True, slots=True)
class Strategies:
    """When each projection is folded: all as *usual* says, but those that *named* names."""

    usual: Strategy = "async"
    named: Mapping[str, Strategy] = field(default_factory=dict)

    def of(self, projection: str) -> Strategy:
        return self.named.get(projection, self.usual)


class Rate(NamedTuple):
    """*amount* requests in each window of so many *seconds*."""

    amount: int
    seconds: int


class Variables:
    """Reads single variables and collects what is wrong with them. Values are never repeated: they may be secrets."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def faulty(self, *names: str) -> bool:
        return any(fault.startswith(names) for fault in self.faults)

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        text = self._environ.get(name, "").strip()
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.faults.append(f"{name}: {error}")
            return None

    def _required(self, name: str, default: str | None, parse: Callable[[str], str]) -> str:
        if not self._environ.get(name, "").strip():
            if default is None:
                self.faults.append(f"{name} is required")
            return default or ""
        return self.optional(name, parse) or ""

    def postgres(self, name: str, default: str | None = None) -> str:
        return self._required(name, default, postgres_url)

    def redis(self, name: str, verify: bool, default: str | None = None) -> str:
        url = self._required(name, default, broker_url if name == "REDIS_URL" else _cache_url)
        return url if verify else redis_servers.unverified(url)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        def parse(text: str) -> int:
            if not text.isdecimal() or not low <= int(text) <= high:
                raise ValueError(f"a whole number from {low} to {high} is needed")
            return int(text)

        value = self.optional(name, parse)
        return default if value is None else value

    def choice(self, name: str, default: T, allowed: tuple[T, ...]) -> T:
        def parse(text: str) -> T:
            if text.lower() not in allowed:
                raise ValueError(f"one of {', '.join(map(str, allowed))} is needed")
            return allowed[allowed.index(text.lower())]

        return self.optional(name, parse) or default

    def rate(self, name: str, default: Rate) -> Rate | None:
        found = self.optional(name, _rate)
        if found is None:
            return default
        return found if found.amount else None

    def tracing(self) -> bool:
        """Whether there is a collector, and nothing says that it is not to be used."""
        addresses = [self.optional(name, web_url) for name in _COLLECTORS]
        refused = self._environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        other = self._environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() not in ("", "otlp")
        return any(addresses) and not refused and not other

    def switch(self, name: str, default: str = "off") -> bool:
        return self.choice(name, default, ("on", "off")) == "on"


#: Each says where traces go; the exporter reads them itself.
_COLLECTORS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def postgres_url(text: str) -> str:
    """Return *text* if it is the URL of a PostgreSQL database. Raises ValueError."""
    connectable(text)
    return text


def broker_url(text: str) -> str:
    """Return *text* if it is the URL of a Redis that the broker can do with. Raises ValueError."""
    if redis_servers.read(text).kind == "cluster":
        raise ValueError("the broker can't be a cluster; name one server, or Sentinels by redis+sentinel://")
    return text


def _cache_url(text: str) -> str:
    redis_servers.read(text)
    return text


def web_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        leads_somewhere = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        # Its own words would repeat a part of the URL.
        leads_somewhere = False
    if not leads_somewhere:
        raise ValueError("a URL that starts with http:// or https:// is needed")
    return text


def origins(text: str) -> frozenset[str]:
    origins = frozenset(origin.strip() for origin in text.split(","))
    for origin in origins - {"*"}:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
            raise ValueError("origins like https://app.example.com, with commas between them, or * are needed")
    return origins


def _rate(text: str) -> Rate:
    if text.lower() == "off":
        return Rate(0, 0)
    amount, _, window = text.partition("/")
    seconds = {"second": 1, "minute": 60, "hour": 3600}.get(window.strip().lower())
    if seconds is None or not amount.strip().isdecimal() or not 1 <= int(amount) <= 10**9:
        raise ValueError("a rate like 600/minute (or second, or hour), or off, is needed")
    return Rate(int(amount), seconds)


def jwt_secret(text: str) -> str:
    if len(text.encode()) < 32:
        raise ValueError("32 bytes or more are needed")
    return text


def header_token(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("printable ASCII is needed: nothing else comes through a header as it was meant")
    return text


def strategies(text: str) -> Strategies:
    """Read ``async`` or ``async,tenant_summaries=batch``. Whether there is such a projection is seen in bootstrap."""
    usual: list[Strategy] = []
    named: dict[str, Strategy] = {}
    allowed: dict[str, Strategy] = {each: each for each in get_args(Strategy)}
    for item in text.split(","):
        name, separator, word = (part.strip() for part in item.rpartition("="))
        strategy = allowed.get(word.lower())
        if strategy is None or (separator and not name):
            raise ValueError(f"a list like async,tenant_summaries=batch is needed, of {', '.join(allowed)}")
        if not separator and usual:
            raise ValueError("only one strategy can be the usual one; name a projection before each other: users=sync")
        if name in named:
            raise ValueError("each projection can be named once")
        if separator:
            named[name] = strategy
        else:
            usual.append(strategy)
    return Strategies(usual[0] if usual else "async", named)


#: Each entry of the cache begins with the id of its key, for which it has a byte's worth of room.
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")


def encryption_keys(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for item in text.split(","):
        name, separator, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not separator or not _KEY_ID.fullmatch(name) or len(key) != 32 or name in keys:
            raise ValueError(
                "a list like id:base64,… is needed, each id once and of up to 32 letters, digits, _, . and -, each key "
                "32 bytes in base64"
            )
        keys[name] = key
    return keys
