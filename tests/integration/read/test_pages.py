"""Lists, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from domain.model.errors import Invalid
from domain.read.cursor import encode
from tests.story import Story

Ask = Callable[..., Any]

LISTS = [("users_of_tenant", "users"), ("workspaces_of_tenant", "workspaces"), ("workspace_members", "members")]


@pytest.fixture
def seven_of_each(story: Story, tenant: str) -> dict[str, list[str]]:
    """The arguments of each list query. Each list has seven items."""
    ids = [story.user(tenant) for _ in range(7)]
    workspaces = [story.workspace(tenant, ids[0], f"Number {number}") for number in range(7)]
    for id in ids[1:]:
        story.joins(tenant, workspaces[0], id)
    return {
        "users_of_tenant": [tenant],
        "workspaces_of_tenant": [tenant],
        "workspace_members": [tenant, workspaces[0]],
    }


@pytest.mark.parametrize(("query", "items"), LISTS)
def test_pages_by_offset_are_the_whole_list(
    ask: Ask, seven_of_each: dict[str, list[str]], query: str, items: str
) -> None:
    whole = ask(query, *seven_of_each[query])[items]

    pages = [ask(query, *seven_of_each[query], limit=3, offset=offset) for offset in (0, 3, 6, 9)]

    assert [page["pagination"]["count"] for page in pages] == [3, 3, 1, 0]
    assert [page["pagination"]["offset"] for page in pages] == [0, 3, 6, 9]
    assert {page["pagination"]["total"] for page in pages} == {7}
    assert list(chain.from_iterable(page[items] for page in pages)) == whole
    assert len(whole) == 7


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize(("query", "items"), LISTS)
def test_pages_by_cursor_are_the_whole_list(
    ask: Ask, seven_of_each: dict[str, list[str]], query: str, items: str, limit: int
) -> None:
    whole = ask(query, *seven_of_each[query])[items]
    found: list[Any] = []
    cursor = None
    while True:
        page = ask(query, *seven_of_each[query], limit=limit, cursor=cursor)
        found += page[items]
        cursor = page["pagination"]["next_cursor"]
        assert page["pagination"]["total"] == 7
        assert page["pagination"]["count"] == len(page[items])
        if cursor is None:
            break

    assert found == whole


def test_a_cursor_goes_on_where_it_was_though_the_list_has_grown(story: Story, tenant: str, ask: Ask) -> None:
    old = [story.user(tenant) for _ in range(4)]
    first = ask("users_of_tenant", tenant, limit=2)
    story.user(tenant)

    second = ask("users_of_tenant", tenant, limit=2, cursor=first["pagination"]["next_cursor"])

    assert [user["id"] for user in first["users"] + second["users"]] == old[::-1]


@pytest.mark.parametrize(("query", "items"), LISTS)
@pytest.mark.parametrize("cursor", ["", "nonsense", encode("x", 1), "dTctMQ"])
def test_a_cursor_that_no_answer_gave_is_invalid(
    ask: Ask, seven_of_each: dict[str, list[str]], query: str, items: str, cursor: str
) -> None:
    with pytest.raises(Invalid):
        ask(query, *seven_of_each[query], cursor=cursor)
