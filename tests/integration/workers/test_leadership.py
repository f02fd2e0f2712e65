from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg2
import pytest

from workers.launcher.postgres import EmbeddedPostgres
from workers.leadership import Leadership


@pytest.fixture
def candidate(database_url: str) -> Iterator[Callable[[], Leadership]]:
    with ExitStack() as stack:

        def make() -> Leadership:
            leadership = Leadership(database_url)
            stack.callback(leadership.release)
            return leadership

        yield make


def end_sessions(database_url: str) -> None:
    """What happens to the session of a clock that dies, or that PostgreSQL takes for dead."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'cqrs clock'"
        )


def test_one_leads_and_the_others_stand_by(candidate: Callable[[], Leadership]) -> None:
    first, second, third = candidate(), candidate(), candidate()

    for _ in range(3):
        assert [first.held(), second.held(), third.held()] == [True, False, False]


def test_a_lead_that_is_given_up_is_taken_over(candidate: Callable[[], Leadership]) -> None:
    first, second = candidate(), candidate()
    assert first.held()
    assert not second.held()

    first.release()

    assert second.held()
    assert not first.held()


def test_a_lead_is_lost_with_its_session(candidate: Callable[[], Leadership], database_url: str) -> None:
    first = candidate()
    assert first.held()

    end_sessions(database_url)

    with pytest.raises(psycopg2.Error):
        first.held()
    assert first.held()


def test_who_has_lost_the_lead_does_not_get_it_back_from_another(
    candidate: Callable[[], Leadership], database_url: str
) -> None:
    first, second = candidate(), candidate()
    assert first.held()
    end_sessions(database_url)
    assert second.held()

    with pytest.raises(psycopg2.Error):
        first.held()

    assert not first.held()
    assert second.held()


def test_a_database_that_is_down_is_an_error_and_no_lead(postgres_server: EmbeddedPostgres) -> None:
    leadership = Leadership(postgres_server.url)
    assert leadership.held()
    postgres_server.kill()

    for _ in range(2):
        with pytest.raises(psycopg2.Error):
            leadership.held()
    postgres_server.start()

    assert leadership.held()
    leadership.release()
