"""One spelling of a database URL."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


def normalised(url: str) -> URL:
    """Return *url* with the psycopg2 driver named.

    ``postgres://`` is what Heroku writes and SQLAlchemy refuses; ``postgresql://`` means another driver to it.
    Raises ValueError for what is no PostgreSQL URL. The message never contains the URL, which holds a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError("a PostgreSQL URL starts with postgres:// or postgresql://")
    try:
        return make_url(f"postgresql+psycopg2://{rest}")
    except (ArgumentError, ValueError):
        raise ValueError("not a valid PostgreSQL URL") from None
