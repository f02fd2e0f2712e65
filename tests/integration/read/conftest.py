"""The read side on a real database, with events in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import psycopg2
import pytest

from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read import engine, queries
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.queries import Queries
from tests.integration.read import poison
from tests.integration.read.rebuilding import House
from tests.integration.read.rows import folded_in_memory as folded_in_memory
from tests.integration.read.rows import rows_in as rows_in
from tests.story import Story, random_story

Pools = Callable[[Mapping[str, str]], Pool]

#: The argument by which a query is told what it is about, where that is not the tenant.
ABOUT = {"user": "user_id", "workspace": "workspace_id", "workspace_members": "workspace_id"}


@pytest.fixture
def plain_url(database_url: str) -> Iterator[str]:
    """The URL of the database for one to whom the policies apply, as they don't to a superuser."""
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone() == (False,):
                yield database_url
                return
            role = f"plain_{connection.info.dbname}"
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'plain'")
            cursor.execute(f"GRANT USAGE ON SCHEMA read_schema TO {role}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA read_schema TO {role}")
            yield f"postgresql://{role}:plain@{database_url.rpartition('@')[2]}"
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


@pytest.fixture
def pool(plain_url: str) -> Iterator[Pools]:
    """Makes pools of connections as one who is no superuser."""
    with ExitStack() as stack:

        def make(settings: Mapping[str, str]) -> Pool:
            made = Pool(plain_url, settings=settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def engine_pool(pool: Pools) -> Pool:
    return pool(engine.SESSION)


@pytest.fixture
def query_pool(pool: Pools) -> Pool:
    return pool(queries.SESSION)


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def projected(engine_pool: Pool, story: Story) -> Callable[[], None]:
    """Brings the read models up to the end of the story."""
    projection_engine = ProjectionEngine(engine_pool, story, PROJECTIONS)

    def project() -> None:
        for shard in story.heads():
            projection_engine.catch_up(shard, seconds=60)

    return project


@pytest.fixture
def ask(query_pool: Pool, projected: Callable[[], None]) -> Callable[..., Any]:
    """Asks a query by name about the story so far; gives the body, or None."""
    asked = Queries(query_pool)

    def ask(query: str, tenant: str, id: str | None = None, **named: Any) -> Any:
        projected()
        body = asked.read(query, tenant, **({ABOUT[query]: id} if id else {}), **named).body
        return None if body is None else json.loads(body)

    return ask


@pytest.fixture
def ada(story: Story) -> tuple[str, str, RecordedEvent]:
    """A tenant with a user whose second event fails in the projection of users, and has two more after it."""
    tenant = story.tenant()
    user = story.registered(tenant)
    story.activated(tenant, user)
    event = poison.constraint(story, shard_of(tenant))
    story.happens("user.role_changed", tenant, user, role="admin", action="added", changed_by=user)
    story.registered(tenant, "Grace")
    story.happens("user.updated", tenant, user, first_name="Augusta")
    return tenant, user, event


@pytest.fixture
def tenant(story: Story) -> str:
    return story.tenant("Acme")


@pytest.fixture
def owner_pool(database_url: str) -> Iterator[Pool]:
    """Connections of one who may make schemas, as the service's own user may."""
    pool = Pool(database_url, settings=SESSION)
    yield pool
    pool.close()


@pytest.fixture
def house(owner_pool: Pool) -> House:
    """A random story of 600 events, all folded."""
    house = House(owner_pool, random_story(seed=4, length=600, tenants=3))
    house.project()
    return house
