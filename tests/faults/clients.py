"""Clients that send commands over HTTP to a fleet, whatever happens to it, and write down each answer."""

from __future__ import annotations

import itertools
import random
import threading
import time
from typing import Any, NamedTuple
from uuid import uuid4

import requests

from domain.model.position import Position
from tests.e2e.fleet import Fleet, bearer


class Answered(NamedTuple):
    """A command that was answered with success."""

    id: str
    version: int
    position: Position


class Client(threading.Thread):
    """Registers users of a tenant and changes them, one command after the other, each under a key of its own.

    A command that gets no answer, or a 503, is sent again under the same key, until it is answered.
    """

    #: How many users it registers at most.
    most = 1000

    def __init__(self, fleet: Fleet, tenant: str, headers: dict[str, str], seed: int) -> None:
        super().__init__(name=f"client-{seed}")
        self._fleet = fleet
        self._tenant = tenant
        self.headers = headers
        self._chance = random.Random(seed)
        self._users: list[str] = []
        self._session = requests.Session()
        self.stop = threading.Event()
        self.answers: list[Answered] = []
        self.repeated = 0
        self.faults: list[str] = []

    def run(self) -> None:
        with self._session:
            self._run()

    def _run(self) -> None:
        for number in itertools.count():
            if self.stop.is_set():
                return
            if len(self._users) < 3 or (len(self._users) < self.most and self._chance.random() < 0.1):
                name = f"{self.name}-{number}-{uuid4().hex[:8]}"
                body = {"tenant_id": self._tenant, "email": f"{name}@example.com", "first_name": "A", "last_name": "B"}
                answer = self._command("POST", "/users", body)
                if answer is not None:
                    self._users.append(answer["id"])
                    self._command("POST", f"/users/{answer['id']}/activate", None)
            else:
                user = self._chance.choice(self._users)
                self._command("PATCH", f"/users/{user}", {"last_name": f"Name {number}"})

    def _command(self, method: str, path: str, body: Any) -> dict[str, Any] | None:
        headers = self.headers | {"Idempotency-Key": str(uuid4())}
        for attempt in itertools.count():
            response = self._send(method, f"/api/v1{path}", body, headers)
            if response is not None and response.status_code in (200, 201):
                answer: dict[str, Any] = response.json()
                self.answers.append(Answered(answer["id"], answer["version"], Position.parse(answer["position"])))
                self.repeated += attempt > 0
                return answer
            if response is not None and response.status_code != 503:
                self.faults.append(f"{method} {path}: {response.status_code} {response.text}")
                return None
            if self.stop.is_set():
                return None
            time.sleep(0.05)
        return None

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response | None:
        """Return the answer of any web process, or None where there is none."""
        url = self._chance.choice(self._fleet.urls)
        try:
            return self._session.request(method, f"{url}{path}", json=body, headers=headers, timeout=(1, 15))
        except requests.RequestException:
            return None


class Load:
    """Some clients, each with a tenant of its own, from the beginning of the block to its end."""

    def __init__(self, fleet: Fleet, clients: int = 4, kind: type[Client] = Client) -> None:
        root = bearer(fleet.token("super_admin"))
        self.clients = [kind(fleet, _tenant(fleet, root), root, seed) for seed in range(clients)]

    def __enter__(self) -> Load:
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.stop.set()
        for client in self.clients:
            client.join()

    @property
    def answers(self) -> list[Answered]:
        return [answer for client in self.clients for answer in client.answers]

    @property
    def faults(self) -> list[str]:
        return [fault for client in self.clients for fault in client.faults]


def _tenant(fleet: Fleet, root: dict[str, str]) -> str:
    body = {"name": "Acme", "slug": f"t-{uuid4().hex[:12]}", "plan": "enterprise"}
    made = requests.post(f"{fleet.urls[0]}/api/v1/tenants", json=body, headers=root, timeout=10)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])
