"""Logging, the same in every process: JSON lines to stdout, or readable ones for a person."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from select import PIPE_BUF
from typing import Any, TextIO, cast

import orjson
import structlog

from domain.later import Later
from domain.redaction import redacted
from domain.settings import Settings

#: Libraries that say at level info what nobody wants to read every second.
_QUIET = ("apscheduler", "urllib3")


_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(settings: Settings) -> None:
    """Send what structlog and the standard library log to stdout, from the level of the settings on.

    Lines carry what was bound with ``structlog.contextvars``, such as a correlation id.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(_stdout())
    handler.setFormatter(formatter(settings.log_format))
    global _writer
    flush()
    _writer = Later(partial(_write, _stdout().fileno())) if settings.log_format == "json" else None
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _stdout() -> TextIO:
    """The process's own stdout, also where a library has put something else in its place."""
    return sys.__stdout__ or sys.stdout


class _Stderr:
    """Whatever sys.stderr is when something is written."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def to_stderr() -> None:
    """Send what structlog logs to stderr, for commands whose stdout is what they were asked for."""
    # What configure() set before goes with records, which these are not.
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())))


def formatter(log_format: str) -> logging.Formatter:
    """Return what writes a record of structlog's or of the standard library's as a line of *log_format*."""
    return _Formatter(
        foreign_pre_chain=(_fields_of_the_record, *_SHARED),
        processors=_rendering(log_format),
        finished=log_format == "json",
    )


def say(name: str, level: int, event: str, *, created: float | None = None, **fields: object) -> None:
    """Log a line under *name*, for what is said thousands of times a second; *created*: at another time than now.

    *fields* are not to be changed any more. JSON is written a moment later, many lines at a time; structlog's way costs
    ten times as much.
    """
    if _writer is not None:
        _writer.hand_over((name, level, event, fields, created or time.time()))
        return
    record = logging.LogRecord(name, level, __file__, 0, event, None, None)
    record.fields = fields
    logging.getLogger(name).handle(record)


class Line:
    """A line that is said thousands of times a second, of which only some fields are others each time.

    What stays is put into JSON once, and what is said together is looked through together.
    """

    def __init__(self, name: str, level: int, event: str, new: Mapping[str, str], **fields: object) -> None:
        """*new* are the fields that are others each time, with how ``%`` writes them as JSON."""
        self._said = name, level, event, fields
        self._new = tuple(new)
        stays = redacted(_json({"event": event, **fields, "logger": name, "level": _LEVELS[level]}))
        self._head = stays.removesuffix("}")
        self._tail = ',"timestamp":"%s"' + "".join(f',"{field}":{form}' for field, form in new.items()) + "}"

    def say(self, many: Iterable[tuple[Any, ...]]) -> None:
        """Log it now, once for each of *many*: when it happened (seconds since 1970), and then the new fields.

        Texts among them may have nothing in them that JSON would have to escape.
        """
        if _writer is None:
            name, level, event, fields = self._said
            for created, *values in many:
                say(name, level, event, created=created, **fields, **dict(zip(self._new, values, strict=True)))
            return
        tail = self._tail
        tails = redacted("\n".join([tail % (_timestamp(created), *values) for created, *values in many]))
        _put(_stdout().fileno(), f"{self._head}{tails.replace(chr(10), chr(10) + self._head)}\n")


def _fields_of_the_record(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    return line | getattr(line["_record"], "fields", {})


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Looks through the finished line, so that nothing gets past it: no nested value, no text of an exception."""

    def __init__(self, *, finished: bool, **options: Any) -> None:
        """*finished*: what say() said becomes a line of JSON here."""
        super().__init__(**options)
        self._finished = finished

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if not self._finished or fields is None:
            return redacted(super().format(record))
        return _finished(record.name, record.levelno, record.msg, fields, record.created)


#: What a line is made from: the arguments of _finished().
_Said = tuple[str, int, str, Mapping[str, object], float]

#: Writes what say() says; None where lines are not JSON, or nothing has been configured.
_writer: Later[_Said] | None = None


def flush() -> None:
    """Return when all that was said is written."""
    if _writer is not None:
        _writer.flush()


def _write(descriptor: int, lines: Iterable[_Said]) -> None:
    _put(descriptor, "".join(f"{_finished(*said)}\n" for said in lines))


def _put(descriptor: int, lines: str) -> None:
    """Write *lines*, as many at once as a pipe takes in one piece: other processes write to the same.

    What can't be written is left out: no failure to log may keep anybody from being answered.
    """
    rest = lines.encode()
    with suppress(OSError):
        while rest:
            end = len(rest) if len(rest) <= PIPE_BUF else rest.rfind(b"\n", 0, PIPE_BUF) + 1 or rest.find(b"\n") + 1
            rest = rest[os.write(descriptor, rest[:end]) :]


_LEVELS = {level: logging.getLevelName(level).lower() for level in (10, 20, 30, 40, 50)}


def _finished(name: str, level: int, event: str, fields: Mapping[str, object], created: float) -> str:
    """Return the line of JSON for what was said at the time *created*."""
    line = {"event": event, **fields, "logger": name, "level": _LEVELS[level], "timestamp": _timestamp(created)}
    return redacted(_json(line))


#: The last millisecond that was written, since most lines come in the same one as the line before.
_last: tuple[int, str] = (0, "")


def _timestamp(created: float) -> str:
    global _last
    milliseconds = int(created * 1000)
    last, text = _last
    if last != milliseconds:
        seconds, rest = divmod(milliseconds, 1000)
        text = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03}Z"
        _last = milliseconds, text
    return text


def _rendering(log_format: str) -> list[Any]:
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if log_format == "console":
        return [meta, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return [meta, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]


def _json(line: dict[str, Any], **_: Any) -> str:
    try:
        return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # A number of more than 64 bits, or half a surrogate pair. A line that can't be written would be lost.
        return json.dumps(line, default=repr)
