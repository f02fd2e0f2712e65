"""What runs here: Python, the packages, and settings that can be read and still are no good idea."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

import urllib3
from packaging.requirements import Requirement

from domain.bootstrap import Container
from web.doctor.finding import Finding, fail, ok, unknown, warn

#: The name of this project among the installed packages.
PROJECT = "pyairtable-cqrs"

#: The oldest Python that all of the code runs on.
PYTHON = (3, 11)

#: Threads of a web process, as the Procfile starts it.
WEB_THREADS = 8

_TIMEOUT = urllib3.Timeout(total=3.0)


def interpreter() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        yield fail("python", found, f"Run it with Python {'.'.join(map(str, PYTHON))} or newer.")
    else:
        yield ok("python", found)


def packages(_container: Container) -> Iterator[Finding]:
    """Whether each package that the project names is there, in a version that it can do with."""
    yield from interpreter()
    try:
        needed = [Requirement(line) for line in requires(PROJECT) or ()]
    except PackageNotFoundError:
        yield unknown("packages", f"{PROJECT} is not installed as a package, so what it needs is not written down here")
        return
    wrong = []
    mandatory = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    for each in mandatory:
        try:
            present = version(each.name)
        except PackageNotFoundError:
            wrong.append(f"{each.name} is missing")
        else:
            if not each.specifier.contains(present, prereleases=True):
                wrong.append(f"{each.name} {present} is not {each.specifier}")
    if wrong:
        yield fail("packages", "; ".join(wrong), "Install the release again, with .ci/constraints.txt as constraints.")
    else:
        yield ok("packages", f"{len(mandatory)} packages, each in a version that fits")


def settings(container: Container) -> Iterator[Finding]:
    """What can be read, and still leaves a door open or a hand tied."""
    chosen = container.settings
    if chosen.metrics_token is None:
        yield warn("METRICS_TOKEN", "not set: /metrics is open to everybody", "Set it, or let only your scraper in.")
    if "*" in chosen.cors_origins:
        yield warn("CORS_ORIGINS", "* lets the pages of anybody call", "Name the origins of your own pages.")
    if chosen.trusted_proxies == 0 and "DYNO" in os.environ:
        yield warn("TRUSTED_PROXIES", "0 behind Heroku's router: all clients share one address", "Set it to 1.")
    if chosen.position_waits >= WEB_THREADS:
        yield warn(
            "POSITION_WAITS",
            f"{chosen.position_waits}, and a web process has {WEB_THREADS} threads: waiting queries can take them all",
            f"Set it below {WEB_THREADS}.",
        )
    if chosen.log_level == "debug":
        yield warn("LOG_LEVEL", "debug: several lines for each request", "Set it to info.")
    if chosen.tracing and find_spec("opentelemetry") is None:
        yield warn("OTEL_EXPORTER_OTLP_ENDPOINT", "set, and nothing is traced", f"Install {PROJECT}[otel].")
    if chosen.edge_cache and chosen.edge_purge_url is None:
        yield warn("EDGE_PURGE_URL", f"not set: the edge shows what was for {chosen.edge_max_age} s", "Set it.")


def edge(container: Container) -> Iterator[Finding]:
    """Whether the edge that is to be purged answers."""
    url = container.settings.edge_purge_url
    if url is None or not container.settings.edge_cache:
        return
    try:
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
            status = http.request("HEAD", url).status
    except urllib3.exceptions.HTTPError as error:
        yield fail("edge", f"EDGE_PURGE_URL does not answer: {type(error).__name__}", "Start it, or set it right.")
    else:
        yield ok("edge", f"EDGE_PURGE_URL answers ({status})")
