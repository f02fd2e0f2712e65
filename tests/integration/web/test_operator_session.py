"""Who may see the operator's page, and who may send its forms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from werkzeug.http import parse_cookie
from werkzeug.test import TestResponse

from domain.bootstrap import bootstrap
from domain.settings import Settings
from tests.integration.web.conftest import SECRET
from tests.integration.web.operators import HOST, OWN, SIGN_IN, Operator, fields_of, forms, pages, said, text
from tests.integration.web.service import ROOT, Service, Tenant, problem
from tests.integration.web.test_authorization import signed
from tests.integration.web.test_garbage import fill
from web.app import create_app


@pytest.fixture
def root(service: Service) -> Operator:
    return Operator(service)


def cookies(response: TestResponse) -> dict[str, str]:
    """The cookies that are set, by name, as the header has them."""
    return {line.partition("=")[0]: line for line in response.headers.getlist("Set-Cookie")}


def test_whoever_is_not_signed_in_is_led_to_the_form_and_from_there_to_the_page(service: Service) -> None:
    client = service.app.test_client()

    led = client.get("/admin/dead-letters?state=dead")
    form = client.get(led.headers["Location"])
    fields = forms(form)[0][1] | {"token": f" Bearer {service.token(ROOT)}\n"}
    signed_in = client.post(SIGN_IN, data=fields, headers=OWN)

    assert (led.status_code, form.status_code, signed_in.status_code) == (303, 200, 303)
    assert "Your session has ended" not in form.text
    assert signed_in.headers["Location"] == "/admin/dead-letters?state=dead"
    assert client.get(signed_in.headers["Location"]).status_code == 200


def test_the_token_is_in_a_cookie_that_no_script_and_no_other_site_gets_and_that_ends_with_it(service: Service) -> None:
    root = Operator(service)
    token = service.token(ROOT)

    plain = cookies(root.sign_in(token))["operator_session"]
    secure = cookies(root.sign_in(token, base_url="https://localhost"))
    forwarded = cookies(
        root.client.post(
            SIGN_IN,
            data=forms(root.client.get(SIGN_IN))[0][1] | {"token": token},
            headers=OWN | {"X-Forwarded-Proto": "https"},
        )
    )

    assert {"HttpOnly", "Path=/admin", "SameSite=Strict"} <= set(plain.split("; "))
    assert "Secure" not in plain
    assert 3500 < int(parse_cookie(plain)["Max-Age"]) <= 3600
    assert parse_cookie(plain)["operator_session"] == token
    assert "Domain" not in plain
    # On one connection the browser could not send the form's cookie back, so the first of these two refuses the form.
    assert all("Secure" in line for line in [*secure.values(), *forwarded.values()])
    assert "operator_session" in forwarded


#: What somebody may try to sign in with, or how its claims differ from a super_admin's; the status, and the words.
REFUSED: list[tuple[str | dict[str, Any], int, str]] = [
    ("", 401, "there is none"),
    ("nonsense", 401, "it is not valid"),
    ({"exp": 1}, 401, "it has expired"),
    ({"key": "another-secret-of-more-than-thirty-two-bytes"}, 401, "it is not valid"),
    ({"sub": None}, 401, "it names no user"),
    ({"role": "user"}, 403, "it needs the role super_admin, and has user"),
    ({"role": "admin"}, 403, "it needs the role super_admin, and has admin, user"),
    ({"filler": "x" * 4000}, 401, "it fits no cookie"),
    ("x" * 10_000, 401, "it fits no cookie"),
    ("\0\ud7ff<script>", 401, "it is not valid"),
]


def test_what_is_no_super_admins_token_is_refused_in_words(service: Service) -> None:
    client = service.app.test_client()
    fields = forms(client.get(SIGN_IN))[0][1]

    for tried, status, words in REFUSED:
        token = tried
        if isinstance(tried, dict):
            claims = {"role": "super_admin"} | tried
            token = signed(claims, key=claims.pop("key", SECRET))
        refused = client.post(SIGN_IN, data=fields | {"token": token}, headers=OWN)
        assert (refused.status_code, words in text(refused)) == (status, True), (tried, text(refused))
        assert "<script>" not in refused.text.partition("<body")[2]
        assert "operator_session" not in cookies(refused)
    assert client.get("/admin").status_code == 303


def test_a_session_that_ends_leads_to_the_form_with_a_word(service: Service) -> None:
    root = Operator(service)
    expired = signed({"role": "super_admin", "exp": int(time.time()) - 1})

    # The browser throws the cookie away in time; one whose clock is slow sends it on.
    for forgets in (True, False):
        root.client.set_cookie("operator_session", "" if forgets else expired, path="/admin")
        if forgets:
            root.client.delete_cookie("operator_session", path="/admin")
        for response in (root.client.get("/admin/cache"), root.client.post("/admin/cache/invalidate", headers=OWN)):
            assert "Your session has ended" in text(root.follow(response))
    root.sign_in(service.token(ROOT))
    assert root.get("/cache").status_code == 200


def test_signing_out_ends_the_session(root: Operator) -> None:
    left = root.submit("", "/sign-out")

    assert "You are signed out" in text(root.follow(left))
    assert "operator_session=;" in cookies(left)["operator_session"]
    again = root.client.get("/admin")
    assert again.status_code == 303
    assert "ended" not in again.headers["Location"]


def test_the_api_never_takes_the_cookie_and_the_page_never_takes_the_header(root: Operator, service: Service) -> None:
    token = service.token(ROOT)
    root.client.set_cookie("operator_session", token, path="/")

    for method, path in (("GET", "/projections/status"), ("POST", "/cache/warmup"), ("GET", "/dead-letters")):
        problem(root.client.open(f"/api/v1/admin/cqrs{path}", method=method, headers=OWN), 401, "unauthenticated")
    bearer = service.app.test_client().get("/admin", headers={"Authorization": f"Bearer {token}"})
    assert bearer.status_code == 303


def test_each_page_and_action_is_for_super_admins_alone(service: Service, tenant: Tenant) -> None:
    nobody, others = service.app.test_client(), []
    for actor in (tenant.actor("somebody"), tenant.admin):
        client = service.app.test_client()
        client.set_cookie("operator_session", service.token(actor), path="/admin")
        others.append(client)

    walked = pages(service)
    for method, path in walked:
        url = fill(path, tenant.id, "x")
        assert nobody.open(url, method=method, headers=OWN).status_code == 303, url
        for client in others:
            refused = client.open(url, method=method, headers=OWN)
            assert (refused.status_code, refused.mimetype) == (403, "text/html"), url
            assert "whose role is super_admin" in refused.text
    assert len(walked) > 20


#: What a browser may say of where a form comes from, and what becomes of it.
ORIGINS: list[tuple[dict[str, str], int]] = [
    ({"Sec-Fetch-Site": "same-origin"}, 303),
    ({"Origin": HOST}, 303),
    (OWN, 303),
    # A proxy may tell us another name than the browser knows.
    ({"Origin": "https://admin.example.com", "Sec-Fetch-Site": "same-origin"}, 303),
    ({}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "https://evil.example.com"}, 403),
    ({"Origin": f"{HOST}.evil.example.com"}, 403),
    ({"Origin": HOST, "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": HOST, "Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
]


def test_a_form_has_to_come_from_our_own_page(root: Operator) -> None:
    fields = fields_of(root, "/cache", "/cache/warm-up")
    warm_ups = root.service.container.caching.warm_ups

    for headers, status in ORIGINS:
        before = warm_ups.waiting
        sent = root.client.post("/admin/cache/warm-up", data=fields, headers=headers)
        assert (sent.status_code, warm_ups.waiting - before) == (status, status == 303), headers


def test_a_form_has_to_carry_what_only_the_session_knows(root: Operator, service: Service) -> None:
    """Every action, with the signature missing, wrong, and taken from somebody else's page."""
    other = Operator(service, replace(ROOT, id="other"))
    foreign = fields_of(other, "/cache", "/cache/warm-up")["form_token"]
    signing_in = forms(root.client.get(SIGN_IN))[0][1]["form_token"]

    for value in (None, "", "x", foreign, signing_in):
        fields = {} if value is None else {"form_token": value}
        for method, path in pages(service):
            if method == "POST" and path != "/admin/{}":
                refused = root.client.post(fill(path, "users"), data=fields | {"reason": "x"}, headers=OWN)
                assert (refused.status_code, refused.mimetype) == (403, "text/html"), (path, value)
                assert "Nothing was done" in refused.text


def test_the_form_to_sign_in_is_bound_to_the_browser_that_asked_for_it(service: Service) -> None:
    fields = forms(service.app.test_client().get(SIGN_IN))[0][1] | {"token": service.token(ROOT)}
    other = service.app.test_client()
    other.get(SIGN_IN)

    for client in (other, service.app.test_client()):
        refused = client.post(SIGN_IN, data=fields, headers=OWN)
        assert (refused.status_code, "operator_session" in cookies(refused)) == (403, False)


def test_where_the_form_leads_back_is_a_page_of_ours(service: Service) -> None:
    for back in ("https://evil.example.com", "//evil.example.com", "/admin/../api", "/admin/%2e%2E/api", "/admin\\evil",
                 "/adminx", "/docs"):  # fmt: skip
        client = service.app.test_client()
        fields = forms(client.get(SIGN_IN))[0][1]
        signed_in = client.post(SIGN_IN, data=fields | {"back": back, "token": service.token(ROOT)}, headers=OWN)
        assert signed_in.headers["Location"] == "/admin", back


@pytest.fixture
def foreign(settings: Settings) -> Iterator[tuple[Service, str]]:
    """A service whose tokens are verified by a JWKS, so that it has no secret at all; and a super_admin's token."""
    key = Ed25519PrivateKey.generate()
    published = json.loads(OKPAlgorithm.to_jwk(key.public_key())) | {"kid": "a", "alg": "EdDSA", "use": "sig"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [published]}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/jwks"
        container = bootstrap(replace(settings, jwt_secret=None, jwt_jwks_url=url))
        claims = {"sub": "ops", "role": "super_admin", "exp": int(time.time()) + 60}
        yield Service(create_app(container=container)), jwt.encode(claims, key, "EdDSA", headers={"kid": "a"})
        container.close()
        server.shutdown()


def test_forms_are_taken_by_any_process_and_without_a_secret(foreign: tuple[Service, str]) -> None:
    service, token = foreign
    client = service.app.test_client()
    client.post(SIGN_IN, data=forms(client.get(SIGN_IN))[0][1] | {"token": token}, headers=OWN)
    fields = dict(forms(client.get("/admin/cache")))["/admin/cache/warm-up"]
    # The page came from one process, and the form goes to another.
    other = create_app(container=service.container).test_client()
    other.set_cookie("operator_session", token, path="/admin")

    sent = other.post("/admin/cache/warm-up", data=fields, headers=OWN)

    assert sent.status_code == 303
    assert "The clock warms the cache up" in said(other.get(sent.headers["Location"]))
    assert SECRET not in sent.text


def test_what_is_said_is_said_once_and_to_this_session_alone(root: Operator, service: Service) -> None:
    sent = root.submit("/cache", "/cache/warm-up")
    forged = service.app.test_client()
    forged.set_cookie("operator_session", service.token(replace(ROOT, id="other")), path="/admin")
    forged.set_cookie("operator_said", parse_cookie(cookies(sent)["operator_said"])["operator_said"], path="/admin")

    assert "warms the cache up" in said(root.follow(sent))
    assert 'class="notice' not in root.get("/cache").text
    assert 'class="notice' not in forged.get("/admin/cache").text
