"""One spelling of a database URL."""

from __future__ import annotations

from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn
from sqlalchemy import URL, make_url
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import ArgumentError

_NEEDED = "a URL like postgres://user:password@host:5432/database is needed"


def normalised(url: str) -> URL:
    """Return *url* with the psycopg2 driver named.

    ``postgres://`` is what Heroku writes and SQLAlchemy refuses; ``postgresql://`` means another driver to it.
    Raises ValueError for what is no PostgreSQL URL. The message never contains the URL, which holds a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError("a URL that starts with postgres:// or postgresql:// is needed")
    try:
        return make_url(f"postgresql+psycopg2://{rest}")
    except (ArgumentError, ValueError):
        raise ValueError(_NEEDED) from None


def parameters(url: str) -> dict[str, Any]:
    """Return *url* as the parameters of libpq that the service connects with.

    They differ from what libpq itself reads in a URL: of several hosts it would take the last, and a + for itself.
    """
    _, found = PGDialect_psycopg2().create_connect_args(normalised(url))  # type: ignore[no-untyped-call]
    return dict(found)


def connectable(url: str) -> None:
    """Look whether *url* names anything, and says nothing that no connection could be made with.

    Raises ValueError that says what is needed, and like that of normalised() never contains the URL.
    """
    found = normalised(url)
    try:
        options = parameters(url)
        make_dsn(**options)
    except (ArgumentError, psycopg2.Error):
        raise ValueError("a URL with parameters that PostgreSQL's libpq knows is needed") from None
    if not options or (found.port is not None and not 1 <= found.port <= 65535):
        raise ValueError(_NEEDED)
