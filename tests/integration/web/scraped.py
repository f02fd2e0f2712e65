"""What a service tells Prometheus, read as Prometheus does."""

from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.web.service import Service


def text(service: Service) -> str:
    response = service.app.test_client().get("/metrics")
    assert response.status_code == 200
    return response.text


def families(service: Service) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text(service))}


def value(service: Service, name: str, **labels: str) -> float | None:
    """Return the one sample of that name whose labels are *labels*, and perhaps others."""
    found = [
        sample.value
        for family in families(service).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) <= 1, (name, labels, found)
    return found[0] if found else None
