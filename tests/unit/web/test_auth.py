"""Tokens that are taken, and the many that are not."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.model.actor import Actor
from web.auth import Authenticator
from web.errors import Unauthenticated
from web.keys import SharedSecret, VerificationKey

SECRET = "a-secret-of-more-than-thirty-two-bytes"
TENANT = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"
USER = "11111111-2222-4333-8444-555555555555"


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are fine but for *changes*; None leaves a claim out."""
    made = {"sub": USER, "tenant_id": TENANT, "role": "user", "exp": int(time.time()) + 3600} | changes
    return {name: value for name, value in made.items() if value is not None}


def header(key: Any = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return f"Bearer {jwt.encode(claims(**changes), key, algorithm=algorithm)}"


def raw(head: dict[str, Any], body: bytes, signature: bytes = b"x") -> str:
    parts = (json.dumps(head).encode(), body, signature)
    return "Bearer " + ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(SharedSecret(SECRET))


@pytest.mark.parametrize(
    ("changes", "actor"),
    [
        ({}, Actor(USER, TENANT, frozenset({"user"}))),
        ({"role": "admin"}, Actor(USER, TENANT, frozenset({"user", "admin"}))),
        ({"role": None, "roles": ["admin", "user"]}, Actor(USER, TENANT, frozenset({"user", "admin"}))),
        ({"roles": "admin"}, Actor(USER, TENANT, frozenset({"user", "admin"}))),
        ({"sub": None, "user_id": USER}, Actor(USER, TENANT, frozenset({"user"}))),
        ({"sub": USER.upper(), "tenant_id": TENANT.upper()}, Actor(USER, TENANT, frozenset({"user"}))),
        (
            {"sub": "ops", "tenant_id": None, "role": "super_admin"},
            Actor("ops", None, frozenset({"user", "super_admin"})),
        ),
        ({"aud": "somebody-else"}, Actor(USER, TENANT, frozenset({"user"}))),
        ({"exp": time.time() + 3600.5}, Actor(USER, TENANT, frozenset({"user"}))),
    ],
)
def test_the_claims_say_who_it_is(authenticator: Authenticator, changes: dict[str, Any], actor: Actor) -> None:
    assert authenticator.authenticate(header(**changes)) == actor


def test_the_scheme_is_read_in_any_case(authenticator: Authenticator) -> None:
    assert authenticator.authenticate(header().replace("Bearer", "bEARER")).id == USER


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": int(time.time())},
        {"exp": int(time.time()) - 1},
        {"exp": "soon"},
        {"exp": [1]},
        {"exp": True},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": " "},
        {"sub": 7},
        {"sub": "a\0b"},
        {"sub": "x" * 256},
        {"sub": None, "user_id": ["x"]},
        {"role": None},
        {"role": ""},
        {"role": "root"},
        {"role": 1},
        {"role": {"admin": True}},
        {"roles": [1]},
        {"roles": [["admin"]]},
        {"role": None, "roles": []},
        {"tenant_id": None},
        {"tenant_id": None, "role": "admin"},
        {"tenant_id": 5},
        {"tenant_id": [TENANT]},
        {"tenant_id": "acme"},
        {"tenant_id": "acme", "role": "super_admin"},
        {"tenant_id": f"{{{TENANT}}}"},
    ],
)
def test_claims_that_are_missing_or_wrong_are_refused(authenticator: Authenticator, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(header(**changes))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_the_clock_of_the_issuer_may_be_a_little_ahead(authenticator: Authenticator, claim: str) -> None:
    assert authenticator.authenticate(header(**{claim: int(time.time()) + 3})).id == USER

    with pytest.raises(Unauthenticated, match="it is not valid yet"):
        authenticator.authenticate(header(**{claim: int(time.time()) + 3600}))


@pytest.mark.parametrize("ago", [0, 1, 3, 3600])
def test_the_end_of_a_token_has_no_grace(authenticator: Authenticator, ago: int) -> None:
    with pytest.raises(Unauthenticated, match="it has expired"):
        authenticator.authenticate(header(exp=int(time.time()) - ago))


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a.b.c",
        "Bearer ....",
        "Bearer \xff\xfe",
        f"Bearer {'x' * 10_000}",
        raw({"alg": "none"}, json.dumps(claims()).encode(), b""),
        raw({"alg": "None"}, json.dumps(claims()).encode(), b""),
        raw({"alg": "HS256", "crit": ["x"]}, json.dumps(claims()).encode()),
        raw({"alg": "HS256"}, b"not json"),
        raw({"alg": ["HS256"]}, b"{}"),
        raw({}, b"{}"),
        "Bearer " + base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.eA",
        header(key="another-secret-of-more-than-32-bytes-x"),
        header(algorithm="HS384", key=SECRET * 2),
        header(algorithm="HS512", key=SECRET * 2),
    ],
    ids=lambda given: str(given)[:24].encode("unicode_escape").decode(),
)
def test_other_headers_are_refused(authenticator: Authenticator, given: str | None) -> None:
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(given)


def test_a_signature_for_one_payload_is_none_for_another(authenticator: Authenticator) -> None:
    head, _, signature = header().split(".")
    _, other, _ = header(role="admin").split(".")

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"{head}.{other}.{signature}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "us"}, "it has no aud"),
        ({"aud": "api"}, "it has no iss"),
        ({"iss": "them", "aud": "api"}, "another issuer"),
        ({"iss": "us", "aud": "them"}, "another audience"),
    ],
)
def test_issuer_and_audience_are_checked_where_they_are_set(changes: dict[str, Any], said: str) -> None:
    authenticator = Authenticator(SharedSecret(SECRET), issuer="us", audience="api")

    assert authenticator.authenticate(header(iss="us", aud=["them", "api"])).id == USER
    with pytest.raises(Unauthenticated, match=said):
        authenticator.authenticate(header(**changes))


def test_a_public_key_does_not_pass_for_a_secret() -> None:
    """The oldest trick: sign with HMAC, the public key as the secret."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    class Published:
        def key_for(self, _token: str) -> VerificationKey:
            return VerificationKey(key.public_key(), "RS256")

        def version(self) -> int:
            return 0

    authenticator = Authenticator(Published())
    payload = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    signature = jwt.algorithms.get_default_algorithms()["HS256"].sign(head + b"." + payload, pem)
    forged = b".".join((head, payload, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()

    assert authenticator.authenticate(header(key=key, algorithm="RS256")).id == USER
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"Bearer {forged}")


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SharedSecret("x" * 31)


class Turning:
    """One key after another, as a JWKS server has them."""

    def __init__(self) -> None:
        self.key, self.turned = SECRET, 0

    def key_for(self, _token: str) -> VerificationKey:
        return VerificationKey(self.key, "HS256")

    def version(self) -> int:
        return self.turned


def test_what_was_verified_stays_so_until_the_key_goes() -> None:
    keys = Turning()
    authenticator, token = Authenticator(keys), header()
    assert authenticator.authenticate(token).id == USER

    keys.key = SECRET[::-1]
    assert authenticator.authenticate(token).id == USER

    keys.turned += 1
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(token)


def test_what_was_verified_ends_with_the_token(authenticator: Authenticator) -> None:
    end = int(time.time()) + 3
    token = header(exp=end)
    assert authenticator.authenticate(token).id == USER

    while time.time() < end:
        time.sleep(0.01)
    with pytest.raises(Unauthenticated, match="expired"):
        authenticator.authenticate(token)


def test_tokens_without_end_do_not_fill_the_memory(authenticator: Authenticator, monkeypatch: Any) -> None:
    monkeypatch.setattr("web.auth.REMEMBERED", 3)
    for number in range(10):
        assert authenticator.authenticate(header(sub=f"user-{number}")).id == f"user-{number}"
        assert len(authenticator._verified) <= 3
