"""The running service against its own OpenAPI document: what schemathesis can think of, with all its checks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests

from tests.e2e.fleet import SECRET, Fleet, bearer
from tests.faults.scale import LONG, scaled

HERE = Path(__file__).parent / "contract"

METRICS_TOKEN = "a-token-of-the-tests"

ACME = {"name": "Acme", "slug": "acme", "plan": "custom", "quotas": {"users": 10**6, "workspaces": 10**6}}
ADA = {"email": "ada@acme.example", "first_name": "Ada", "last_name": "Lovelace"}


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(database_url, redis_url, tmp_path, METRICS_TOKEN=METRICS_TOKEN) as fleet:
        yield fleet.start_all(clock=0)


def somebody_who_may_everything(fleet: Fleet) -> str:
    """Return the token of a super_admin who is also an active user of a tenant."""
    api, root = f"{fleet.urls[0]}/api/v1", bearer(token(sub="root", role="super_admin"))
    tenant = requests.post(f"{api}/tenants", json=ACME, headers=root, timeout=10).json()["id"]
    user = requests.post(f"{api}/users", json=ADA | {"tenant_id": tenant}, headers=root, timeout=10).json()["id"]
    requests.post(f"{api}/users/{user}/activate", headers=root, timeout=10).raise_for_status()
    return token(sub=user, role="super_admin", tenant_id=tenant)


def token(**claims: str) -> str:
    return jwt.encode(claims | {"exp": int(time.time()) + 3600}, SECRET, algorithm="HS256")


def test_no_answer_is_outside_the_document(fleet: Fleet, tmp_path: Path) -> None:
    everything = somebody_who_may_everything(fleet)
    cases, seconds = 0, scaled(15, 420)
    while cases < scaled(40, 5000):
        assert seconds < 1000, f"only {cases} cases in {seconds // 2} s"
        cases = fuzz(fleet, tmp_path, everything, seconds)
        # A machine that does much else besides gets further in more time.
        seconds *= 2
    assert '"level":"error"' not in fleet.logs()


def fuzz(fleet: Fleet, directory: Path, everything: str, seconds: int) -> int:
    """Let schemathesis look for so many *seconds*; return how many cases it thought of, none of which failed."""
    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            "--config-file", HERE / "schemathesis.toml",
            "run", f"{fleet.urls[0]}/api/v1/openapi.json",
            "--checks", "all",
            "--max-examples", str(scaled(2, 120)),
            "--max-time", str(seconds),
            "--continue-on-failure",
            "--warnings", "off",
            "--no-color",
            *([] if LONG else ["--phases", "examples,fuzzing,stateful"]),
        ],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "hooks",
            "PYTHONPATH": str(HERE),
            "CONTRACT_TOKEN": everything,
            "METRICS_TOKEN": METRICS_TOKEN,
        },
        cwd=directory, capture_output=True, text=True, timeout=900,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    return int(re.search(r"(\d+) generated", done.stdout)[1])
