from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cache.keys import ABSENT_TTL, KINDS, jittered, key_of, parse

T, U = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

DOCUMENTED = [
    (key_of("user", T, user_id=U), f"user:{U}:tenant:{T}:v:1", 900),
    (key_of("users_of_tenant", T, limit=50, offset=0), f"users_tenant:{T}:limit:50:offset:0:v:1", 300),
    (key_of("workspace", T, workspace_id=U), f"workspace:{U}:tenant:{T}:v:1", 900),
    (key_of("workspace_members", T, workspace_id=U), f"workspace_members:{U}:tenant:{T}:limit:50:offset:0:v:1", 600),
    (key_of("workspaces_of_tenant", T), f"workspaces_tenant:{T}:limit:50:offset:0:v:1", 300),
    (key_of("tenant_summary", T), f"tenant_summary:{T}:v:1", 1800),
    (key_of("dashboard", T), f"tenant_dashboard:{T}:v:1", 300),
]


@pytest.mark.parametrize(("key", "text", "ttl"), DOCUMENTED)
def test_keys_are_written_and_kept_as_documented(key, text, ttl):
    assert (key.text, key.ttl) == (text, ttl)


def test_every_query_has_a_documented_key():
    assert {key.query for key, _, _ in DOCUMENTED} == KINDS.keys()


def test_absence_keeps_30_seconds():
    assert ABSENT_TTL == 30


@given(st.floats(1, 10_000))
def test_what_is_stored_together_ends_apart_but_within_a_tenth(ttl):
    assert 0.9 * ttl <= jittered(ttl) <= 1.1 * ttl


pages = st.fixed_dictionaries(
    {"limit": st.integers(1, 100), "offset": st.integers(0, 10_000)},
    optional={"cursor": st.text(max_size=50), "active_only": st.booleans()},
)


@given(pages)
def test_a_key_says_all_that_was_asked(arguments):
    key = key_of("users_of_tenant", T, **arguments)

    query, tenant_id, read = parse(key.text)

    expected = arguments | ({"offset": 0} if "cursor" in arguments else {})
    assert (query, tenant_id) == ("users_of_tenant", T)
    assert read | {"active_only": bool(read.get("active_only"))} == {"active_only": False} | expected
    assert key_of(query, tenant_id, **read) == key


@given(pages, pages)
def test_two_questions_never_have_one_key(one, other):
    same = key_of("users_of_tenant", T, **one).text == key_of("users_of_tenant", T, **other).text
    assert same == (
        parse(key_of("users_of_tenant", T, **one).text) == parse(key_of("users_of_tenant", T, **other).text)
    )
    normal = [{"active_only": False, **each} | ({"offset": 0} if "cursor" in each else {}) for each in (one, other)]
    assert same == (normal[0] == normal[1])


@pytest.mark.parametrize("text", ["", "user:1:tenant:2:v:1", f"user:{U}:tenant:{T}:v:2", f"users_tenant:{T}:v:1", "*"])
def test_other_texts_are_no_keys(text):
    assert parse(text) is None
