"""A server of public keys, which may change, be slow or be away, and tokens that are signed with them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

TENANT = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"

PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


class KeyServer(ThreadingHTTPServer):
    """Serves ``body`` at ``url``, after ``delay`` seconds, and counts how often; ``drip`` sends a byte at a time.

    The path is this server's own: whoever still asks for what was at its port before is told 404, and not counted.
    """

    body: bytes
    status = 200
    delay = 0.0
    drip = False
    asked = 0
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.path = f"/{uuid4()}/jwks.json"

    def publish(self, keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": [published(name, key) for name, key in keys.items()]}).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{self.path}"


class Handler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        if self.path != self.server.path:
            self.send_error(404)
            return
        self.server.asked += 1
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.end_headers()
        with contextlib.suppress(OSError):
            while self.server.drip:
                self.wfile.write(b" ")
                time.sleep(0.2)
            self.wfile.write(self.server.body)

    def log_message(self, *args: object) -> None:
        pass


def published(algorithm: str, key: Any) -> dict[str, Any]:
    public: dict[str, Any] = jwt.algorithms.get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return public | {"kid": algorithm, "use": "sig", "alg": algorithm}


def header(algorithm: str, key: Any, kid: object = ..., role: str = "user") -> str:
    claims = {"sub": "somebody", "tenant_id": TENANT, "role": role, "exp": int(time.time()) + 3600}
    headers = {} if kid is None else {"kid": algorithm if kid is ... else kid}
    return f"Bearer {jwt.encode(claims, key, algorithm=algorithm, headers=headers)}"


@contextmanager
def serving() -> Iterator[KeyServer]:
    """Serve the public half of all keys in PRIVATE."""
    with KeyServer() as server:
        server.publish(PRIVATE)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
