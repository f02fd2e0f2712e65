"""The alert rules, their tests, and the runbook: each knows all of the others'."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from flask import Flask

from tests.prometheus import program
from tests.unit.web.test_handbook import resolved
from web import cli

WEB = Path(__file__).parents[3] / "web"
ALERTS = WEB / "metrics" / "alerts.yml"
RULE_TESTS = Path(__file__).parent / "alerts_test.yml"
RUNBOOK = WEB / "handbook" / "runbook.md"

#: What each section says, in this order.
PARTS = ["What it means.", "How to see it.", "What to type.", "How to know it is over."]


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def sections() -> dict[str, str]:
    _, *found = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize(("command", "file"), [("check", ALERTS), ("test", RULE_TESTS)])
def test_promtool_accepts_the_rules_and_their_tests(command: str, file: Path) -> None:
    done = subprocess.run([program("promtool"), command, "rules", str(file)], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tested_to_fire_and_to_be_silent() -> None:
    fired, silent = set(), set()
    for case in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
        for expected in case["promql_expr_test"]:
            firing = re.findall(r'alertname="(\w+)"', str(expected["exp_samples"]))
            fired |= set(firing)
            silent |= set() if firing else {case["name"]}

    assert fired == set(rules())
    assert silent == {"All is well", *rules()}


def test_each_alert_says_what_to_do_and_leads_to_its_section() -> None:
    for name, rule in rules().items():
        annotations = rule["annotations"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), name
        assert annotations["runbook_url"] == f"web/handbook/runbook.md#{name.lower()}"
        assert len(annotations["summary"]) < 100, name
        # What is wrong, and what to do about it.
        assert len(re.findall(r"[.:;] ", annotations["description"])) >= 1, name


@pytest.mark.parametrize("name", list(rules()))
def test_what_an_alert_says_to_type_can_be_typed(name: str) -> None:
    app = Flask("web")
    cli.install(app)
    description = re.sub(r"{{.*?}}", "x", rules()[name]["annotations"]["description"])
    for line in re.findall(r"`flask --app web ([^`]+)`", description):
        command, words = resolved(app, shlex.split(line.replace("…", "x")))
        _, rest, _ = command.make_parser(click.Context(command, info_name=command.name)).parse_args(words)
        assert rest == []


def test_the_runbook_has_a_whole_section_for_each_alert_and_for_nothing_else() -> None:
    assert list(sections()) == list(rules())
    for name, text in sections().items():
        assert re.findall(r"^\*\*(.+?)\*\*", text, flags=re.MULTILINE) == PARTS, name


def test_what_the_runbook_names_is_there() -> None:
    """Metrics that it names are those of the rules' tests or of the dashboards; other alerts are alerts."""
    known = RULE_TESTS.read_text() + "".join(file.read_text() for file in (WEB / "metrics" / "grafana").glob("*.json"))
    text = RUNBOOK.read_text()

    assert {name for name in re.findall(r"\bcqrs_[a-z0-9_]+", text) if name not in known} == set()
    assert {name for name in re.findall(r"\bCqrs[A-Z]\w+", text) if name not in rules()} == set()
