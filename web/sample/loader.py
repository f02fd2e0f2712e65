"""Sending the sample in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from domain.model.position import Position
from web.sample.client import Client, Done
from web.sample.plan import Job, SampleTenant, Step

#: Who creates the tenants, and administers them while they are filled. Not a user of any of them.
LOADER = "sample-loader"

#: Makes a token: the user's id, the tenant's id (None for a super_admin) and the role.
TokenFor = Callable[[str, str | None, str], str]


class Loader:
    """Loads one tenant. *done* is called after each step, from several threads."""

    def __init__(self, client: Client, tenant: SampleTenant, token_for: TokenFor, done: Callable[[], None]) -> None:
        self._client = client
        self._tenant = tenant
        self._token_for = token_for
        self._done = done
        self._user_ids: dict[int, str] = {}
        #: All of a tenant lies on one shard, so its positions can be compared.
        self._last = Position(0, 0)
        self._lock = threading.Lock()
        self.tenant_id = ""

    def create(self) -> None:
        """Create the tenant."""
        self.tenant_id = self._run(self._tenant.creation, self._token_for(LOADER, None, "super_admin"))

    def user_jobs(self) -> list[Callable[[], None]]:
        """Calls that register the users, independent of each other."""
        token = self._token_for(LOADER, self.tenant_id, "admin")

        def register(number: int, job: Job) -> None:
            self._user_ids[number] = self._run(job, token)

        return [partial(register, number, job) for number, job in enumerate(self._tenant.users)]

    def workspace_jobs(self) -> list[Callable[[], None]]:
        """Calls that create the workspaces and fill them, independent of each other, once the users are there."""

        def create(job: Job) -> None:
            owner = self._user_ids[job.sender or 0]
            self._run(job, self._token_for(owner, self.tenant_id, "user"))

        return [partial(create, job) for job in self._tenant.workspaces]

    def wait_for_read_models(self) -> Any:
        """Wait until the read models show all that was sent; return the tenant's summary."""
        token = self._token_for(LOADER, self.tenant_id, "user")
        path = f"/api/v1/tenants/{self.tenant_id}/dashboard"
        return self._client.wait_for(path, str(self._last), token=token)["summary"]

    def _run(self, job: Job, token: str) -> str:
        id = ""
        for step in job.steps:
            done = self._send(job, step, id, token)
            id = id or done.id
            self._done()
        return id

    def _send(self, job: Job, step: Step, id: str, token: str) -> Done:
        body = step.body if step.user is None else {**(step.body or {}), "user_id": self._user_ids[step.user]}
        key = self._tenant.key(job, step)
        done = self._client.command(step.method, step.path.format(id=id), body, token=token, key=key)
        with self._lock:
            self._last = max(self._last, Position.parse(done.position))
        return done


def load(tenants: Iterable[Loader], connections: int) -> None:
    """Load all *tenants* over that many connections at once. Raises Refused at the first refusal."""
    loaders = list(tenants)
    with ThreadPoolExecutor(connections, thread_name_prefix="sample") as threads:

        def run(calls: Iterable[Callable[[], None]]) -> None:
            futures = [threads.submit(call) for call in calls]
            finished, unfinished = wait(futures, return_when=FIRST_EXCEPTION)
            for future in unfinished:
                future.cancel()
            for future in finished:
                future.result()

        run([loader.create for loader in loaders])
        run([job for loader in loaders for job in loader.user_jobs()])
        run([job for loader in loaders for job in loader.workspace_jobs()])
