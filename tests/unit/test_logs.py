from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from functools import partial
from select import PIPE_BUF
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


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_that_is_said_again_and_again_is_a_line_like_others(
    log_format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings.from_environment(ENVIRONMENT | {"LOG_FORMAT": log_format}))
    line = logs.Line("some.module", logging.INFO, "It rains.", {"drops": "%.1f", "where": '"%s"'}, of="20 % @a.example")

    line.say([(1700000000.25, 3.14, "London"), (1700000001.5, 4, "token=a"), (1700000001.5, 5, "c@d.example")])

    out = capfd.readouterr().out
    assert "@d" not in out
    if log_format == "console":
        assert [word in out for word in ("It rains.", "drops=3.14", "London", "20 %")] == [True] * 4
        return
    same = {"event": "It rains.", "of": "20 % @a.example", "logger": "some.module", "level": "info"}
    assert [json.loads(each) for each in out.splitlines()] == [
        same | {"timestamp": "2023-11-14T22:13:20.250Z", "drops": 3.1, "where": "London"},
        same | {"timestamp": "2023-11-14T22:13:21.500Z", "drops": 4.0, "where": "token=…"},
        same | {"timestamp": "2023-11-14T22:13:21.500Z", "drops": 5.0, "where": "…"},
    ]


def test_lines_come_to_a_pipe_whole_whoever_else_writes_to_it() -> None:
    # Such a pipe keeps apart what was written apart.
    reading, writing = os.pipe2(os.O_DIRECT)
    lines = [f"{number} {'x' * (number % 300)}\n" for number in range(200)]

    logs._put(writing, "".join(lines))

    os.close(writing)
    pieces = list(iter(lambda: os.read(reading, 2**16).decode(), ""))
    os.close(reading)
    assert "".join(pieces) == "".join(lines)
    assert all(piece.endswith("\n") and len(piece) <= PIPE_BUF for piece in pieces)
    assert len(pieces) < 10


def test_a_line_longer_than_a_pipe_takes_in_one_piece_is_written_all_the_same() -> None:
    reading, writing = os.pipe()
    lines = f"short\n{'x' * 10_000}\nshort\n"

    logs._put(writing, lines)

    os.close(writing)
    with open(reading) as pipe:
        assert pipe.read() == lines


def test_what_can_not_be_written_harms_nobody(logging_as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_writer", Later(partial(logs._write, -1)))
    logs.say("some.module", logging.INFO, "It rains.")

    logs.flush()
