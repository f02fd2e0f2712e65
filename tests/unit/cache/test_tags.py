from __future__ import annotations

import orjson
import pytest

from domain.cache.keys import KINDS, key_of
from domain.cache.tags import EVENT_TAGS, EVERYTHING, QUERY_TAGS, shown, touched
from domain.model import aggregates  # noqa: F401 - It makes all event types known.
from domain.model.event import EVENT_TYPES
from tests.story import Story

TENANT = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def story() -> Story:
    return Story()


def test_every_event_has_its_row():
    assert EVENT_TAGS.keys() == EVENT_TYPES.keys()


def test_every_query_has_its_row():
    assert KINDS.keys() | {"active_users_of_tenant"} == QUERY_TAGS.keys()


def test_every_tag_that_an_answer_carries_is_touched_by_some_event():
    of_events = {tag.partition(":")[0] for tags in EVENT_TAGS.values() for tag in tags}
    of_queries = {tag.partition(":")[0] for carried in QUERY_TAGS.values() for tag in carried.asked}
    assert of_queries <= of_events


def test_only_a_change_of_name_reaches_those_who_show_names(story):
    user = story.new_id()
    renamed = story.happens("user.updated", TENANT, user, first_name="Ada")
    moved = story.happens("user.updated", TENANT, user, timezone="Europe/Riga")

    assert touched(renamed) == [f"user:{user}", f"name:{user}"]
    assert touched(moved) == [f"user:{user}"]


def test_an_event_that_nobody_thought_of_touches_everything(story):
    assert touched(story.happens("user.vanished", TENANT, story.new_id())) == [EVERYTHING]


def test_a_list_of_active_users_has_its_own_tag():
    assert key_of("users_of_tenant", TENANT, active_only=True).tags == ("class:users_of_tenant", "active_users")
    assert key_of("users_of_tenant", TENANT).tags == ("class:users_of_tenant", "users")


def test_an_answer_carries_what_it_shows():
    body = orjson.dumps({"summary": {}, "recent_users": [{"id": "a"}], "recent_workspaces": [{"id": "b"}, {"id": "c"}]})
    assert shown("dashboard", body) == ("user:a", "workspace:b", "workspace:c")
    assert shown("workspace_members", b'{"members": [{"user_id": "a"}, {"user_id": "b"}]}') == ("name:a", "name:b")
    assert shown("tenant_summary", b"{}") == ()
    assert shown("dashboard", None) == ()
