"""What stands before the web processes: it sends each request to one of them, as Heroku's router does."""

from __future__ import annotations

import itertools
import time
from typing import Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from domain.model.position import Position
from tests.e2e.fleet import Fleet
from tests.faults.clients import Client


class Router:
    """Takes the web processes in turn, and a new connection for each request.

    Who refuses the connection has not had the request, so the next one is asked. No request is sent twice.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._turn = itertools.count()

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Return the answer. Raises requests.RequestException where there is none."""
        refused: requests.ConnectionError | None = None
        for _ in range(2 * len(self._fleet.urls)):
            urls = list(self._fleet.urls)
            try:
                return requests.request(method, f"{urls[next(self._turn) % len(urls)]}{path}", timeout=20, **options)
            except requests.ConnectionError as error:
                if not _is_refusal(error):
                    raise
                refused = error
        raise refused or requests.ConnectionError("there is no web process")


def _is_refusal(error: requests.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


class DemandingClient(Client):
    """A client behind a router that takes everything but a success for a fault, also a query that can't show what its
    last command did."""

    queries = 0

    def __init__(self, fleet: Fleet, tenant: str, headers: dict[str, str], seed: int) -> None:
        super().__init__(fleet, tenant, headers, seed)
        self._router = Router(fleet)

    def _command(self, method: str, path: str, body: Any) -> dict[str, Any] | None:
        answer = super()._command(method, path, body)
        if answer is not None:
            self._look(answer)
        return answer

    def _look(self, command: dict[str, Any]) -> None:
        headers = self.headers | {"Min-Position": command["position"]}
        response = self._ask("GET", f"/api/v1/users/{command['id']}", headers=headers)
        if response is None or response.status_code != 200:
            return
        shown, wanted = Position.parse(response.headers["Event-Position"]), Position.parse(command["position"])
        if response.json()["event_version"] < command["version"] or shown.offset < wanted.offset:
            self.faults.append(f"{command} is not in {response.text} at {shown}")
        self.queries += 1

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response | None:
        return self._ask(method, path, json=body, headers=headers)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response | None:
        try:
            response = self._router.send(method, path, **options)
        except requests.RequestException as error:
            self.faults.append(f"{method} {path}: {error!r}")
            return None
        if response.status_code not in (200, 201):
            self.faults.append(f"{method} {path}: {response.status_code} {response.text}")
        return response


class RestingClient(DemandingClient):
    """One that rests after each request for as long as the request took, so that the machine has as much to do as it
    has not. It comes to know so many users."""

    most = 100

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response | None:
        began = time.monotonic()
        response = super()._ask(method, path, **options)
        time.sleep(time.monotonic() - began)
        return response
