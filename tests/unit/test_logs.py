from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import structlog

from domain import logs
from domain.later import Later
from domain.settings import Settings

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://localhost/x",
    "REDIS_URL": "redis://localhost",
    "JWT_SECRET": "x" * 32,
    "LOG_FORMAT": "json",
}


pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """Configures logging, lets something be logged, and gives the lines that came out."""

    def logged(say: Callable[[], object], **environment: str) -> list[dict[str, Any]]:
        logs.configure(Settings.from_environment(ENVIRONMENT | environment))
        say()
        logs.flush()
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return logged


def test_a_line_is_a_json_object(logged: Callable[..., list[dict[str, Any]]]) -> None:
    (line,) = logged(lambda: structlog.get_logger("some.module").info("It rains.", drops=3))

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "It rains.", "drops": 3, "level": "info", "logger": "some.module"}


def test_libraries_log_in_the_same_way(logged: Callable[..., list[dict[str, Any]]]) -> None:
    (line,) = logged(lambda: logging.getLogger("library").warning("%s of %d", "one", 2))

    assert (line["event"], line["level"], line["logger"]) == ("one of 2", "warning", "library")


def test_what_is_bound_to_the_context_is_on_every_line(logged: Callable[..., list[dict[str, Any]]]) -> None:
    def say() -> None:
        structlog.contextvars.bind_contextvars(correlation_id="c-1")
        structlog.get_logger("a").info("one")
        logging.getLogger("b").info("two")

    assert [line["correlation_id"] for line in logged(say)] == ["c-1", "c-1"]


def test_an_exception_is_one_line_with_its_trace(logged: Callable[..., list[dict[str, Any]]]) -> None:
    def say() -> None:
        try:
            raise ValueError("It can't be told.")
        except ValueError:
            structlog.get_logger("a").exception("It failed.")

    (line,) = logged(say)

    assert "ValueError: It can't be told." in line["exception"]


def test_lines_below_the_level_are_left_out(logged: Callable[..., list[dict[str, Any]]]) -> None:
    def say() -> None:
        structlog.get_logger("a").info("quiet")
        logging.getLogger("b").info("quiet")
        structlog.get_logger("a").warning("loud")

    assert [line["event"] for line in logged(say, LOG_LEVEL="warning")] == ["loud"]


def test_what_json_can_not_hold_is_shown_anyhow(logged: Callable[..., list[dict[str, Any]]]) -> None:
    (line,) = logged(lambda: structlog.get_logger("a").info("odd", value={1: object}, big=2**70, text="\ud800"))

    assert line["event"] == "odd"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_is_said_often_takes_a_shorter_way_to_the_same_line(
    log_format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings.from_environment(ENVIRONMENT | {"LOG_FORMAT": log_format}))

    logs.say("some.module", logging.INFO, "It rains.", drops=3, where="ada@example.com")
    logs.flush()

    out = capfd.readouterr().out
    assert "ada@" not in out
    if log_format == "console":
        assert "It rains." in out
        assert "drops=3" in out
        return
    line = json.loads(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "It rains.", "drops": 3, "where": "…", "level": "info", "logger": "some.module"}


def test_what_can_not_be_written_harms_nobody(logging_as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_writer", Later(partial(logs._write, -1)))
    logs.say("some.module", logging.INFO, "It rains.")

    logs.flush()
