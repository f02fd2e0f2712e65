"""Clients of the running service: the one who has just read the README, and the one who dies in the middle."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from tests.e2e.fleet import ROOT, SECRET, Fleet, bearer
from tests.faults.scale import scaled
from web.openapi.document import FILE, METHODS

README = (ROOT / "README.md").read_text(encoding="utf-8")

#: Sends the bytes that it is given, tells that they are on their way, and would then wait for the answer.
CLIENT = """
import socket, sys
sent = sys.stdin.buffer.read()
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(sent)
    print("sent", flush=True)
    connection.recv(65536)
    print("answered", flush=True)
"""


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(database_url, redis_url, tmp_path) as fleet:
        yield fleet.start_all(clock=0)


def root() -> str:
    claims = {"sub": "root", "role": "super_admin", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def curl_lines() -> list[str]:
    """The calls under the README's heading about them, each joined into one line."""
    section = README.split("## First calls", 1)[1].split("\n## ", 1)[0]
    joined = section.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("curl ")]


def test_the_first_calls_of_the_readme_work_as_they_stand(fleet: Fleet) -> None:
    given = {**os.environ, "API": f"{fleet.urls[0]}/api/v1", "TOKEN": root()}
    answers: list[dict[str, Any]] = []
    for line in curl_lines():
        done = subprocess.run(["sh", "-c", line], env=given, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (line, done.stderr)
        answers.append(json.loads(done.stdout))
        # What the README says to take out of the first answer, and out of the one before.
        given |= {"TENANT": answers[0]["id"], "POSITION": answers[-1].get("position", "")}

    created, registered, summary = answers
    assert created["version"] == registered["version"] == 1
    assert (summary["tenant_id"], summary["name"], summary["total_users"]) == (created["id"], "Acme", 1)


def test_the_readme_has_every_call() -> None:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in METHODS & set(item)}
    section = README.split("## The API", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", section, re.MULTILINE)

    assert set(rows) == described
    assert len(rows) == len(described)


def test_a_client_killed_in_the_middle_and_repeating_with_its_key_has_one_effect(fleet: Fleet) -> None:
    url = f"{fleet.urls[0]}/api/v1"
    quotas = {"users": 1000, "workspaces": 1}
    body = {"name": "A", "slug": "acme", "plan": "custom", "quotas": quotas}
    tenant = requests.post(f"{url}/tenants", json=body, headers=bearer(root()), timeout=10).json()["id"]
    chance = random.Random(7)
    times = scaled(12, 200)

    answers = []
    for number in range(times):
        request = requests.Request(
            "POST",
            f"{url}/users",
            json={"email": f"u{number}@example.com", "first_name": "A", "last_name": "B", "tenant_id": tenant},
            headers=bearer(root()) | {"Idempotency-Key": f"killed-{number}"},
        ).prepare()
        _send_and_die(request, int(fleet.urls[0].rsplit(":", 1)[1]), chance.uniform(0, 0.02))
        with requests.Session() as session:
            answers.append(session.send(request, timeout=10))

    assert {answer.status_code for answer in answers} == {201}
    replayed = [answer for answer in answers if "Idempotency-Replayed" in answer.headers]
    # Some died after the command had been carried out; their repetition was told so.
    assert replayed
    page = requests.get(
        f"{url}/users/tenant/{tenant}?limit=1",
        headers=bearer(root()) | {"Min-Position": answers[-1].json()["position"], "Prefer": "wait=10"},
        timeout=15,
    ).json()
    assert page["pagination"]["total"] == times


def _send_and_die(request: requests.PreparedRequest, port: int, after: float) -> None:
    body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
    lines = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    client = subprocess.Popen(
        [sys.executable, "-S", "-c", CLIENT, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write("\r\n".join([*lines, "", ""]).encode() + body)
    client.stdin.close()
    client.stdout.readline()
    time.sleep(after)
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
