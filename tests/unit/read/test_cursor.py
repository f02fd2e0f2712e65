from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.errors import Invalid
from domain.read.cursor import decode, encode


@given(place=st.integers(0, 10**18 - 1))
def test_a_cursor_names_the_place_it_was_made_for(place: int) -> None:
    assert decode("u", encode("u", place)) == place


def test_a_cursor_of_another_list_is_invalid() -> None:
    with pytest.raises(Invalid):
        decode("u", encode("w", 7))


@pytest.mark.parametrize("cursor", ["", "x", "====", "é", "\0", "dTc=x", "dQ", "u7", encode("u", 10**18), "dTctMQ"])
def test_what_was_not_made_here_is_invalid(cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode("u", cursor)

    assert caught.value.data["field"] == "cursor"


@given(cursor=st.text())
def test_any_text_gives_a_place_or_is_invalid(cursor: str) -> None:
    with suppress(Invalid):
        assert decode("u", cursor) >= 0
