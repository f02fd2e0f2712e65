"""A service that counts which requests came to Flask."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from flask import Flask, request_started
from werkzeug.test import TestResponse

from domain.bootstrap import bootstrap
from domain.model.actor import Actor
from domain.settings import Settings
from tests.integration.web.service import Service, Tenant
from web.app import create_app


class Counted(Service):
    """Counts the requests that come to Flask."""

    def __init__(self, app: Flask) -> None:
        self.reached = 0
        request_started.connect(self._reach, app)
        super().__init__(app)

    def _reach(self, _app: Flask, **_: object) -> None:
        self.reached += 1

    def passed(self, path: str, token: str, data: bytes | None = None, **headers: str) -> tuple[TestResponse, bool]:
        """Ask with the very *token*; tell also whether Flask was passed by."""
        before = self.reached
        sent = {"Authorization": f"Bearer {token}", **headers}
        response = self.send("GET", path, by=None, headers=sent, data=data)
        return response, self.reached == before

    def settle(self) -> None:
        """Have all counted and logged that passed Flask by."""
        path: Any = self.app.wsgi_app
        path.account.flush()

    def remember(self, path: str, token: str) -> TestResponse:
        """Ask until Flask is passed by; return that answer."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            response, passed = self.passed(path, token)
            if passed:
                return response
            time.sleep(0.002)
        raise AssertionError(f"{path} always came to Flask: {response.status} {response.headers}")


def make(settings: Settings, **changes: Any) -> tuple[Counted, Tenant, Actor]:
    """A service with other settings, and a user in it."""
    service = Counted(create_app(container=bootstrap(replace(settings, **changes))))
    tenant = service.tenant()
    ada = tenant.user()
    service.fold()
    return service, tenant, ada
