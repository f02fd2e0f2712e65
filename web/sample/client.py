"""The HTTP client that carries the sample in."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import urllib3

#: An outage is waited out, for a minute or so where something answers; every command has a key, so none is done twice.
_RETRY = urllib3.Retry(
    total=12, connect=6, backoff_factor=0.2, backoff_max=10, status_forcelist=(429, 502, 503), allowed_methods=None,
    raise_on_status=False,
)  # fmt: skip


class Refused(Exception):
    """The service answered with an error, or not at all."""


class Done(NamedTuple):
    """The answer to a command."""

    id: str
    position: str


class Client:
    """Sends commands over several connections at once, and waits for the read models."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url.rstrip("/")
        self._http = urllib3.PoolManager(maxsize=connections, block=True, retries=_RETRY, timeout=30)

    def command(self, method: str, path: str, body: dict[str, Any] | None, *, token: str, key: str) -> Done:
        """Send a command. Raises Refused."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        answer = self._json(method, path, headers, body)
        return Done(answer["id"], answer["position"])

    def wait_for(self, path: str, position: str, *, token: str) -> Any:
        """Ask a query until it has reached *position*; return its body. Raises Refused."""
        headers = {"Authorization": f"Bearer {token}", "Min-Position": position, "Prefer": "wait=10"}
        return self._json("GET", path, headers, None)

    def close(self) -> None:
        self._http.clear()

    def _json(self, method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None) -> Any:
        encoded = None
        if body is not None:
            headers["Content-Type"], encoded = "application/json", json.dumps(body).encode()
        try:
            response = self._http.request(method, self._url + path, headers=headers, body=encoded)
            answer = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Refused(f"{method} {path}: there was no answer that makes sense: {error}") from None
        if response.status >= 400:
            raise Refused(f"{method} {path}: {response.status} {answer.get('detail')}")
        return answer
