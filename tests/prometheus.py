"""Prometheus and its promtool, which are Debian's and come in no wheel."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests import debian
from workers.launcher.ports import free_port

ALERTS = Path(__file__).parents[1] / "web" / "metrics" / "alerts.yml"


def program(name: str) -> str:
    """Return the path of ``prometheus`` or ``promtool``."""
    return str(debian.program(name, "prometheus"))


class Prometheus:
    """One that scrapes every second and goes by our rules."""

    def __init__(self, url: str) -> None:
        self._api = f"{url}/api/v1"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples that *expression* gives now. Fails where Prometheus refuses it."""
        answer = requests.get(f"{self._api}/query", params={"query": expression}, timeout=5).json()
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    def value(self, expression: str) -> float | None:
        """Return the one number that *expression* gives now."""
        found = self.query(expression)
        assert len(found) <= 1, (expression, found)
        return float(found[0]["value"][1]) if found else None

    def by(self, label: str, expression: str) -> dict[str, float]:
        """Return the numbers that *expression* gives now, by one of their labels."""
        return {each["metric"][label]: float(each["value"][1]) for each in self.query(expression)}

    def targets(self) -> list[tuple[str, str]]:
        """Return the health of each target, and what went wrong when it was last scraped."""
        targets = requests.get(f"{self._api}/targets", timeout=5).json()["data"]["activeTargets"]
        return [(target["health"], target["lastError"]) for target in targets]

    def firing(self) -> dict[str, str]:
        """Return the descriptions of the alerts that are on, by their names."""
        alerts = requests.get(f"{self._api}/alerts", timeout=5).json()["data"]["alerts"]
        return {
            alert["labels"]["alertname"]: alert["annotations"]["description"]
            for alert in alerts
            if alert["state"] == "firing"
        }


@contextmanager
def prometheus(directory: Path, targets: list[str], token: str) -> Iterator[Prometheus]:
    """Run Prometheus with its data in *directory*; it scrapes the *targets*, ``host:port`` each."""
    port, config = free_port(), directory / "prometheus.yml"
    job = {
        "job_name": "cqrs",
        "static_configs": [{"targets": targets}],
        "authorization": {"credentials": token},
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
    }
    # What is JSON is YAML too.
    config.write_text(json.dumps({"rule_files": [str(ALERTS)], "scrape_configs": [job]}))
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (directory / "prometheus.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, directory / "prometheus.log")
        yield Prometheus(url)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(f"{url}/-/ready", timeout=2).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())
