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

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

TENANT = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"

PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


class KeyServer(ThreadingHTTPServer):
    """Serves ``body`` at every path, after ``delay`` seconds, and counts how often; ``drip`` sends a byte at a time."""

    body: bytes
    status = 200
    delay = 0.0
    drip = False
    asked = 0
    daemon_threads = True
    block_on_close = False

    def publish(self, keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": [published(name, key) for name, key in keys.items()]}).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jwks.json"


class Handler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
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
    with KeyServer(("127.0.0.1", 0), Handler) as server:
        server.publish(PRIVATE)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
