"""What several commands say alike, and with which exit codes they end.

0: done, or well. 1: refused, failed, unhealthy, or something differs. 2: used wrongly. 3: degraded: all requests are
served, but somebody should look. 4: PostgreSQL or Redis can't be reached.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from typing import Any, TypeVar

import click
import psycopg2
import redis
from flask import g
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain import logs
from domain.model.actor import Actor
from domain.model.errors import DomainError, Unavailable
from domain.model.users.roles import SUPER_ADMIN, USER
from domain.postgres import missing_schema

T = TypeVar("T")

FAILED, DEGRADED, UNREACHABLE = 1, 3, 4


def _quiet(_context: click.Context, _parameter: click.Parameter, as_json: bool) -> bool:
    # Every command has the option, and what is logged, by whichever thread, belongs into none's output.
    logs.to_stderr()
    return as_json


json_option = click.option("--json", "as_json", is_flag=True, callback=_quiet, help="Print everything as JSON.")


class Unreachable(click.ClickException):
    """A server that the command needs does not answer."""

    exit_code = UNREACHABLE


def told(action: Callable[[], T]) -> T:
    """Do it; a refusal is one line, not a traceback."""
    try:
        return action()
    except Exception as error:
        if (refusal := refused(error)) is None:
            raise
        raise refusal from None


def refused(error: Exception) -> click.ClickException | None:
    """Return what to say of *error*, and with it how to end; None for a fault of ours, whose traceback is wanted."""
    match error:
        case Unavailable():
            return Unreachable(str(error))
        case DomainError():
            return click.ClickException(str(error))
        case psycopg2.OperationalError() | psycopg2.InterfaceError() | PoolTimeout():
            return Unreachable(f"PostgreSQL can't be used: {type(error).__name__}")
        case redis.RedisError():
            return Unreachable(f"Redis can't be used: {type(error).__name__}")
    if isinstance(error, missing_schema.ERRORS):
        words = missing_schema.WORDS
        return click.ClickException(f"{words[0].upper()}{words[1:]}. {missing_schema.REMEDY}")
    return None


def acting(action: Callable[[], T]) -> T:
    """Do it as told() does, in the name of whoever sits at this terminal, under which it stands on record."""
    g.actor = Actor(who(), tenant_id=None, roles=frozenset({USER, SUPER_ADMIN}))
    return told(action)


def say(found: Any, as_json: bool, words: Callable[[], str]) -> None:
    """Print *found* as JSON for a program, or *words* for a person."""
    click.echo(json.dumps(found, indent=2) if as_json else words())


def more(found: dict[str, Any]) -> str:
    """Return the line that tells how to see the rest of a list, if there is one."""
    return f"\nThere are more: --cursor {found['next_cursor']}" if found["next_cursor"] else ""


def who() -> str:
    """The name under which what is done here stands on record."""
    return f"cli:{getpass.getuser()}"


def reason(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    """The callback of an option that says why."""
    if not text.strip():
        raise click.BadParameter("it must not be empty.")
    return text.strip()
