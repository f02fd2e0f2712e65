"""Why tokens are refused, as it is counted."""

from __future__ import annotations

import time

import jwt
import pytest

from domain.model.errors import DomainError, Unavailable
from web.auth import Authenticator
from web.jwks import FetchedKeys
from web.keys import SharedSecret
from web.token_refusals import REASONS, reason_of

SECRET, OTHER = "a-secret-of-thirty-two-bytes-or-more", "another-secret-of-thirty-two-bytes-or-more"


def token(secret: str = SECRET, seconds: float = 36_000, **claims: object) -> str:
    said = {"sub": "ada", "role": "super_admin", "exp": time.time() + seconds, **claims}
    return f"Bearer {jwt.encode(said, secret, algorithm='HS256', headers={'kid': 'one'})}"


def nothing(_url: str) -> dict[str, object]:
    raise OSError


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "absent"),
        (token(seconds=-1), "expired"),
        (token(OTHER), "unknown_key"),
        (token(role="king"), "invalid"),
        ("Basic abc", "invalid"),
        ("Bearer nonsense", "invalid"),
    ],
)
def test_each_refusal_is_told_once_with_its_reason(header: str | None, reason: str):
    told: list[DomainError] = []
    authenticator = Authenticator(SharedSecret(SECRET), refused=told.append)

    with pytest.raises(DomainError):
        authenticator.verify(header)

    assert [reason_of(error) for error in told] == [reason]
    assert reason in REASONS


def test_a_good_token_is_no_refusal():
    told: list[DomainError] = []

    Authenticator(SharedSecret(SECRET), refused=told.append).verify(token())

    assert told == []


def test_keys_that_can_t_be_fetched_and_keys_that_are_not_among_them_are_told_apart():
    told: list[DomainError] = []
    away = Authenticator(FetchedKeys("http://nowhere", fetch=nothing), refused=told.append)
    gone = Authenticator(FetchedKeys("http://there", fetch=lambda _: {"two": SharedSecret(SECRET).key_for("")}))
    gone._refused = told.append

    with pytest.raises(Unavailable):
        away.verify(token())
    with pytest.raises(DomainError):
        gone.verify(token())

    assert [reason_of(error) for error in told] == ["keys_unavailable", "unknown_key"]
