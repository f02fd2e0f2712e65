"""Readers on the fast path of two web processes race with commands: what they are given is never stale.

Stale is an answer from before a change that its process was told of more than TRUSTED seconds ago, an answer older than
its Min-Position, or anything but the newest after all is quiet.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest
from flask import Flask

from domain.bootstrap import bootstrap
from domain.cache.stream import TRUSTED
from domain.model.actor import Actor
from domain.settings import Settings
from tests.faults.scale import scaled
from tests.integration.web.counted import Counted
from tests.integration.web.service import Service, Tenant
from web.app import create_app

CHANGES = scaled(60, 2000)
READERS = 3


class Reader(Counted):
    """Tells each thread of its own requests."""

    def __init__(self, settings: Settings) -> None:
        self.reached_here = threading.local()
        super().__init__(create_app(container=bootstrap(settings)))

    def _reach(self, _app: Flask, **_: object) -> None:
        if hasattr(self.reached_here, "reached"):
            self.reached_here.reached.append(True)


class Race:
    """A user whose first name is the number of its last change, and what is known of it at which time."""

    def __init__(self, writing: Service, reading: list[Reader]) -> None:
        self.writing, self.reading = writing, reading
        self.tenant: Tenant = writing.tenant()
        self.ada: Actor = self.tenant.user(first_name="0")
        writing.fold()
        self.paths = [f"/users/{self.ada.id}", "/users/profile", f"/users/tenant/{self.tenant.id}?limit=5"]
        self.tokens = [writing.token(self.ada), writing.token(self.tenant.admin)]
        self.told: list[tuple[float, int, str]] = [(time.monotonic(), 0, "")]
        self.stop = threading.Event()
        self.seen: Counter[str] = Counter()
        self.faults: list[str] = []

    def write(self) -> None:
        for number in range(1, CHANGES + 1):
            body = {"first_name": str(number)}
            position = self.writing.done("PATCH", f"/users/{self.ada.id}", body, by=self.ada)["position"]
            self.writing.fold()
            # The fold has told the cache before it returned.
            self.told.append((time.monotonic(), number, position))
            time.sleep(random.choice((0.0, 0.01, 0.15)))

    def read(self, service: Reader) -> None:
        while not self.stop.is_set():
            path = random.choice(self.paths)
            token = self.tokens[path != "/users/profile" and random.random() < 0.5]
            at_least, headers = self._due(), {}
            if random.random() < 0.02:
                _, at_least, position = self.told[-1]
                headers = {"Min-Position": position} if position else {}
            shown, passed = self.ask(service, path, token, **headers)
            self.seen["past Flask" if passed else "by Flask"] += 1
            # The writer and the readers are threads of one process, and it is the writer that has something to do.
            time.sleep(0.001)
            if shown < at_least:
                self.faults.append(f"{path} showed {shown}, due was {at_least} {headers}")

    def ask(self, service: Reader, path: str, token: str, **headers: str) -> tuple[int, bool]:
        """Return the number that is shown, and whether Flask was passed by; then no other thread's request counts."""
        reached: list[bool] = []
        service.reached_here.reached = reached
        response = service.send("GET", path, by=None, headers={"Authorization": f"Bearer {token}", **headers})
        assert response.status_code == 200, response.text
        body = response.json
        users = body.get("users", [body])
        return int(next(user["first_name"] for user in users if user["id"] == self.ada.id)), not reached

    def _due(self) -> int:
        """The newest number that must be seen by now."""
        before = time.monotonic() - TRUSTED
        return max((number for at, number, _ in self.told[-500:] if at < before), default=0)


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JWT_SECRET": "x" * 32}
    return replace(Settings.from_environment(environment), rate_limit_per_principal=None, rate_limit_per_address=None)


def test_no_answer_on_the_fast_path_is_stale(settings: Settings) -> None:
    writing = Service(create_app(container=bootstrap(settings)))
    reading = [Reader(settings), Reader(settings)]
    race = Race(writing, reading)
    threads = [threading.Thread(target=race.read, args=(each,)) for each in reading for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        race.write()
    finally:
        race.stop.set()
        for thread in threads:
            thread.join()

    print(f"{dict(race.seen)}, {CHANGES} changes, {len(race.faults)} stale")
    assert race.faults == []
    assert race.seen["past Flask"] > CHANGES
    time.sleep(0.5)
    for service in reading:
        for path in race.paths:
            for _ in range(4):
                assert race.ask(service, path, race.tokens[0])[0] == CHANGES
        service.container.close()
    writing.container.close()
