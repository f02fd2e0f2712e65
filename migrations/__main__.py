"""``python -m migrations``: bring the databases to the present schema, or print the SQL that does."""

from __future__ import annotations

import os
import sys

import click
from alembic import command
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from domain.variables import postgres_url
from migrations.revisions import Side
from migrations.runner import config

_VARIABLES: dict[Side, tuple[str, ...]] = {"write": ("DATABASE_URL",), "read": ("READ_DATABASE_URL", "DATABASE_URL")}

_side = click.option("--only", type=click.Choice(["write", "read"]), help="One schema instead of both.")
_sql = click.option("--sql", is_flag=True, help="Print SQL for psql instead of running it; needs no database.")


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@_side
@_sql
@click.argument("revision", default="head")
def upgrade(only: Side | None, sql: bool, revision: str) -> None:
    """Go up to REVISION (default: the newest)."""
    for side in _sides(only):
        command.upgrade(config(side, None if sql else _url(side), sys.stdout if sql else None), revision, sql=sql)


@main.command()
@_side
@_sql
@click.argument("revision")
def downgrade(only: Side | None, sql: bool, revision: str) -> None:
    """Go down to REVISION; ``base`` undoes everything and drops all data. With --sql: FROM:TO."""
    for side in reversed(_sides(only)):
        command.downgrade(config(side, None if sql else _url(side), sys.stdout if sql else None), revision, sql=sql)


@main.command()
@_side
def current(only: Side | None) -> None:
    """Print the revision each schema is at."""
    for side in _sides(only):
        click.echo(f"{side}:")
        command.current(config(side, _url(side)))


def _sides(only: Side | None) -> list[Side]:
    return [only] if only else ["write", "read"]


def _url(side: Side) -> str:
    for variable in _VARIABLES[side]:
        if url := os.environ.get(variable, "").strip():
            try:
                return postgres_url(url)
            except ValueError as error:
                raise click.ClickException(f"{variable}: {error}") from None
    raise click.ClickException(f"{_VARIABLES[side][0]} is required")


if __name__ == "__main__":
    try:
        main(prog_name="python -m migrations")
    except CommandError as error:
        sys.exit(f"Error: {error}")
    except OperationalError as error:
        # A deployment's log is read for its last line, which a trace would bury.
        sys.exit(f"Error: the database can't be used: {str(error.orig).strip()}")
