"""Keys out of a JWKS document, from a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from domain.model.errors import Unavailable
from web.auth import Authenticator
from web.errors import Unauthenticated
from web.keys import FetchedKeys

TENANT = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"

PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


class KeyServer(ThreadingHTTPServer):
    """Serves ``body`` at every path."""

    body: bytes

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jwks.json"


class _Handler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: object) -> None:
        pass


def published(algorithm: str, key: Any) -> dict[str, Any]:
    public: dict[str, Any] = jwt.algorithms.get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return public | {"kid": algorithm, "use": "sig", "alg": algorithm}


def header(algorithm: str, key: Any, kid: object = ...) -> str:
    claims = {"sub": "somebody", "tenant_id": TENANT, "role": "user", "exp": int(time.time()) + 3600}
    headers = {} if kid is None else {"kid": algorithm if kid is ... else kid}
    return f"Bearer {jwt.encode(claims, key, algorithm=algorithm, headers=headers)}"


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(("127.0.0.1", 0), _Handler) as server:
        server.body = json.dumps({"keys": [published(name, key) for name, key in PRIVATE.items()]}).encode()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_tokens_signed_with_a_published_key_are_taken(server: KeyServer, algorithm: str) -> None:
    authenticator = Authenticator(FetchedKeys(server.url))

    assert authenticator.authenticate(header(algorithm, PRIVATE[algorithm])).id == "somebody"


@pytest.mark.parametrize(
    "given",
    [
        header("ES256", ec.generate_private_key(ec.SECP256R1())),
        header("RS256", PRIVATE["RS256"], kid="ES256"),
        header("RS256", PRIVATE["RS256"], kid="unknown"),
        header("RS256", PRIVATE["RS256"], kid=None),
        header("HS256", "a-secret-of-more-than-thirty-two-bytes"),
        header("HS256", "a-secret-of-more-than-thirty-two-bytes", kid="RS256"),
    ],
    ids=["other key", "key of another kind", "unknown key", "no key named", "a secret", "a secret for a key"],
)
def test_other_tokens_are_refused(server: KeyServer, given: str) -> None:
    with pytest.raises(Unauthenticated):
        Authenticator(FetchedKeys(server.url)).authenticate(given)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"keys": []}'])
def test_a_server_that_publishes_nothing_useful_is_an_outage(server: KeyServer, body: bytes) -> None:
    server.body = body

    with pytest.raises(Unavailable):
        Authenticator(FetchedKeys(server.url)).authenticate(header("RS256", PRIVATE["RS256"]))


def test_a_server_that_is_gone_is_an_outage(unused_port: int) -> None:
    keys = FetchedKeys(f"http://127.0.0.1:{unused_port}/jwks.json")

    with pytest.raises(Unavailable):
        Authenticator(keys).authenticate(header("RS256", PRIVATE["RS256"]))


@pytest.fixture
def unused_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        return int(server.server_address[1])
