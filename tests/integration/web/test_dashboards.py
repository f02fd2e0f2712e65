"""The dashboards and the alert rules ask for nothing that /metrics doesn't have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.web.service import Service

METRICS = Path(__file__).parents[3] / "web" / "metrics"
DASHBOARDS = sorted((METRICS / "grafana").glob("*.json"))

_ENDINGS = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("_sum", "_count"),
}


def asked(expression: str) -> set[str]:
    """Return the names of our metrics in a PromQL *expression*."""
    return set(re.findall(r"\bcqrs_[a-z0-9_]+", expression))


def expressions(dashboard: Path) -> list[str]:
    panels = json.loads(dashboard.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


@pytest.fixture
def had(service: Service) -> set[str]:
    """The names of all series that there may be."""
    found = text_string_to_metric_families(service.app.test_client().get("/metrics").text)
    return {family.name + ending for family in found for ending in _ENDINGS[family.type]}


def test_each_dashboard_and_rule_names_metrics_that_there_are(had: set[str]) -> None:
    rules = [
        rule["expr"]
        for group in yaml.safe_load((METRICS / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    wanted = {name for each in [*rules, *(e for file in DASHBOARDS for e in expressions(file))] for name in asked(each)}

    assert wanted - had == set()
    assert len(wanted) > 40


def test_each_metric_is_on_a_dashboard(had: set[str]) -> None:
    shown = {name for file in DASHBOARDS for each in expressions(file) for name in asked(each)}

    families = {re.sub("_(bucket|sum|count|total)$", "", name) for name in had}
    assert families - {re.sub("_(bucket|sum|count|total)$", "", name) for name in shown} == set()


def test_dashboards_can_be_imported(service: Service) -> None:
    dashboards = [json.loads(file.read_text()) for file in DASHBOARDS]

    assert len({each["uid"] for each in dashboards}) == len(dashboards) == 4
    for dashboard in dashboards:
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
        # Whoever imports it chooses where the data are.
        assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource"]
        for panel in dashboard["panels"]:
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
            assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
