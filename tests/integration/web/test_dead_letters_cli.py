"""Looking after what stands still on the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.read.poison import execute
from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_cli import flask
from tests.integration.web.test_dead_letters import fold, letter

__all__ = ["letter"]

Letter = dict[str, Any]


def answer(service: Service, *arguments: str) -> Any:
    code, output = flask(service, *arguments, "--json")
    assert code == 0, output
    return json.loads(output)


def test_nothing_stands_still(service: Service) -> None:
    assert flask(service, "dead-letters", "list") == (0, "Nothing stands still.\n")


def test_the_list_is_a_table_or_json(service: Service, letter: Letter) -> None:
    heading, line = flask(service, "dead-letters", "list")[1].splitlines()

    assert heading.split()[:3] == ["state", "projection", "event"]
    assert {"parked", "users", "user.updated", "CheckViolation", letter["id"]} <= set(line.split())
    assert answer(service, "dead-letters", "list", "--state", "parked")["dead_letters"] == [letter]
    assert answer(service, "dead-letters", "list", "--state", "dead")["dead_letters"] == []


def test_a_list_in_which_nothing_fits_does_not_say_that_all_is_well(service: Service, letter: Letter) -> None:
    for narrowed in (("--projection", "workspaces"), ("--error-class", "KeyError"), ("--state", "dead")):
        assert flask(service, "dead-letters", "list", *narrowed) == (0, "Nothing fits.\n")
    assert flask(service, "dead-letters", "list", "--skipped", "--projection", "users") == (0, "Nothing fits.\n")
    assert flask(service, "dead-letters", "list", "--skipped") == (0, "Nothing was skipped.\n")


def test_one_is_shown(service: Service, letter: Letter) -> None:
    code, output = flask(service, "dead-letters", "show", letter["id"])

    assert code == 0
    assert '"last_name": "Lovelace-Byron"' in output
    assert "waiting behind it: 1\n" in output
    assert answer(service, "dead-letters", "show", letter["id"])["event"]["version"] == 3


def test_one_or_a_class_is_retried(service: Service, letter: Letter) -> None:
    assert answer(service, "dead-letters", "retry", letter["id"]) == {"retried": 1}
    assert answer(service, "dead-letters", "retry", "--error-class", "CheckViolation") == {"retried": 1}
    assert service.container.engine.due_shards() == [int(letter["position"].partition("-")[0])]


def test_a_retry_says_what_it_has_to_wait_for(
    service: Service, letter: Letter, tenant: Tenant, database_url: str
) -> None:
    one, kind = ("dead-letters", "retry", letter["id"]), ("dead-letters", "retry", "--error-class", "CheckViolation")
    workspace = tenant.workspace(tenant.user(last_name="Short"), name="Short")
    execute(database_url, "ALTER TABLE read_schema.workspace_projections ADD CHECK (length(name) < 9)")
    service.done("PATCH", f"/workspaces/{workspace}", {"name": "Not short at all"})
    fold(service)

    def told(arguments: tuple[str, ...]) -> str:
        return flask(service, *arguments)[1].strip()

    assert told(one) == "1 will be tried again at once."
    assert told(kind) == "2 will be tried again at once."
    flask(service, "projections", "pause", "users", "--reason", "Maintenance")
    assert told(one) == "1 will be tried again once users is resumed (it is paused)."
    assert told(kind) == "2 will be tried again at once, those of users once it is resumed (it is paused)."
    flask(service, "projections", "pause", "workspaces", "--reason", "Maintenance")
    assert told(kind) == "2 will be tried again once users and workspaces are resumed (they are paused)."


def test_a_retry_for_which_there_is_nothing_fails(service: Service, letter: Letter) -> None:
    retry = ("dead-letters", "retry", "--error-class")

    for arguments, said in (
        (("KeyError",), "Nothing fits.\n"),
        (("CheckViolation", "--projection", "workspaces"), "Nothing fits.\n"),
        (("KeyError", "--json"), '{\n  "retried": 0\n}\n'),
    ):
        code, output = flask(service, *retry, *arguments)
        assert (code, output.endswith(said)) == (1, True), output


def test_one_is_skipped_on_record(service: Service, letter: Letter, tenant: Tenant) -> None:
    code, output = flask(service, "dead-letters", "skip", letter["id"], "--reason", "A joke")

    assert (code, output) == (0, f"user.updated at {letter['position']} is skipped in users.\n")
    assert service.get(f"/users/{letter['aggregate_id']}", by=tenant.admin).json["first_name"] == "Augusta"
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("SELECT reason, skipped_by LIKE 'cli:_%' FROM read_schema.skipped_events")
        assert cursor.fetchall() == [("A joke", True)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dead-letters", "show", "x"), "There is no such dead letter"),
        (("dead-letters", "retry", "x"), "There is no such dead letter"),
        (("dead-letters", "skip", "x", "--reason", "y"), "There is no such dead letter"),
        (("dead-letters", "skip", "x"), "--reason"),
        (("dead-letters", "skip", "x", "--reason", " "), "must not be empty"),
        (("dead-letters", "retry"), "either one ID or an --error-class"),
        (("dead-letters", "retry", "x", "--error-class", "y"), "either one ID or an --error-class"),
        (("dead-letters", "retry", "x", "--projection", "users"), "--projection goes with"),
        (("dead-letters", "list", "--cursor", "x"), "not a cursor of this list"),
        (("dead-letters", "list", "--projection", "user"), "There is no such projection"),
        (("dead-letters", "list", "--skipped", "--projection", "user"), "There is no such projection"),
        (("dead-letters", "retry", "--error-class", "KeyError", "--projection", "user"), "There is no such projection"),
        (("projections", "pause", "nothing", "--reason", "x"), "There is no such projection"),
        (("projections", "resume", "users"), "--reason"),
    ],
)
def test_what_makes_no_sense_ends_with_one_line(service: Service, arguments: tuple[str, ...], said: str) -> None:
    code, output = flask(service, *arguments)

    assert code != 0
    assert said in output
    assert "Traceback" not in output


def test_a_projection_is_paused_and_resumed(service: Service) -> None:
    assert flask(service, "projections", "pause", "users", "--reason", "Maintenance") == (0, "users is paused.\n")
    resumed = answer(service, "projections", "resume", "users", "--reason", "Done", "--park")

    assert (resumed["state"], resumed["reason"]) == ("running", "Done")
    assert resumed["changed_by"].startswith("cli:")
