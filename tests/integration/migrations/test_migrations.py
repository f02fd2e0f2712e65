"""Both schemas go up, agree with the models, go down again, and can be printed as plain SQL."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect, text

import domain.read.schema
import domain.read.watch.schema
import domain.write.schema
from domain.postgres.url import normalised
from migrations.revisions import Side, revisions
from migrations.runner import config

SIDES: list[tuple[Side, MetaData]] = [
    ("write", domain.write.schema.metadata),
    ("read", domain.read.schema.metadata),
]


@pytest.fixture
def engine(empty_database_url: str):
    engine = create_engine(normalised(empty_database_url))
    yield engine
    engine.dispose()


def differences(engine: Engine, side: Side, metadata: MetaData) -> list:
    schema = f"{side}_schema"
    options = {
        "include_schemas": True,
        "include_name": lambda name, type_, _: type_ != "schema" or name == schema,
        "include_object": lambda _, name, type_, *__: not (type_ == "table" and name == "alembic_version"),
        "compare_server_default": True,
    }
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


@pytest.mark.parametrize(("side", "metadata"), SIDES)
def test_the_migrations_make_what_the_models_say(engine: Engine, empty_database_url: str, side: Side, metadata):
    command.upgrade(config(side, empty_database_url), "head")

    assert differences(engine, side, metadata) == []


@pytest.mark.parametrize(("side", "metadata"), SIDES)
def test_each_schema_goes_up_down_and_up_again_without_the_other(engine, empty_database_url: str, side: Side, metadata):
    migrations = config(side, empty_database_url)
    command.upgrade(migrations, "head")
    command.downgrade(migrations, "base")

    with engine.connect() as connection:
        assert inspect(connection).get_table_names(f"{side}_schema") == ["alembic_version"]
        left = text("SELECT count(*) FROM pg_proc WHERE pronamespace = CAST(:schema AS regnamespace)")
        assert connection.scalar(left, {"schema": f"{side}_schema"}) == 0

    command.upgrade(migrations, "head")
    assert differences(engine, side, metadata) == []


@pytest.mark.parametrize("side", ["write", "read"])
def test_the_revisions_are_those_that_alembic_knows(side: Side):
    scripts = ScriptDirectory.from_config(config(side))

    older, newest = revisions(side)

    assert newest == set(scripts.get_heads())
    assert older | newest == {each.revision for each in scripts.walk_revisions()}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "migrations", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_printed_sql_makes_the_same_schemas(engine: Engine):
    printed = run("upgrade", "--sql")
    assert printed.returncode == 0, printed.stderr

    connection = engine.raw_connection()
    connection.driver_connection.autocommit = True
    connection.cursor().execute(printed.stdout)
    connection.close()

    for side, metadata in SIDES:
        assert differences(engine, side, metadata) == []


def test_two_releases_at_once_both_succeed(empty_database_url: str):
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "migrations", "upgrade"],
            env={"PATH": os.environ["PATH"], "DATABASE_URL": empty_database_url},
        )
        for _ in range(2)
    ]

    assert [each.wait(60) for each in commands] == [0, 0]


@pytest.mark.parametrize("arguments", [("upgrade", "nope"), ("downgrade", "nope"), ("upgrade", "--sql", "nope")])
def test_a_revision_that_nobody_knows_is_one_clear_line(empty_database_url: str, arguments: tuple[str, ...]):
    result = run(*arguments, DATABASE_URL=empty_database_url)

    assert (result.returncode, result.stderr) == (1, "Error: Can't locate revision identified by 'nope'\n")


def test_a_url_that_no_connection_can_be_made_with_is_one_clear_line(empty_database_url: str):
    result = run("upgrade", DATABASE_URL=f"{empty_database_url}{'&' if '?' in empty_database_url else '?'}foo=1")

    assert result.returncode == 1
    assert result.stderr == "Error: DATABASE_URL: a URL with parameters that PostgreSQL's libpq knows is needed\n"


def test_a_database_that_is_away_is_one_clear_line():
    result = run("upgrade", DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/nothing")

    assert result.returncode == 1
    assert result.stderr.startswith("Error: the database can't be used: ")
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stderr


def test_a_missing_url_is_one_clear_line():
    result = run("upgrade")

    assert result.returncode == 1
    assert result.stderr.strip() == "Error: DATABASE_URL is required"
