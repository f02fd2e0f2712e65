"""Nothing secret gets out: not by repr, not by logs, not by errors, and no e-mail address by logs either."""

from __future__ import annotations

import json
import logging

import psycopg2
import pytest
import structlog

from domain import logs
from domain.settings import Settings, SettingsError
from web.openapi.document import FILE
from web.problems import from_error

SECRETS = ("swordfish", "hunter2", "opensesame", "k3y", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://app:swordfish@db.example.com/x",
    "READ_DATABASE_URL": "postgresql://app:swordfish@read.example.com/x",
    "READ_REPLICA_URL": "postgresql://app:swordfish@replica.example.com/x",
    "REDIS_URL": "rediss://:hunter2@redis.example.com",
    "CACHE_REDIS_URL": "rediss://:hunter2@cache.example.com",
    "JWT_SECRET": "opensesame" * 4,
    "METRICS_TOKEN": "opensesame",
    "CACHE_ENCRYPTION_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "EDGE_PURGE_URL": "https://purge:k3y@edge.example.com/?token=k3y",
    "LOG_FORMAT": "json",
}


@pytest.fixture
def settings() -> Settings:
    return Settings.from_environment(ENVIRONMENT)


@pytest.fixture
def logged(
    settings: Settings, capfd: pytest.CaptureFixture[str], logging_as_before: None
) -> pytest.CaptureFixture[str]:
    logs.configure(settings)
    return capfd


def tells_a_secret(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_settings_do_not_show_theirs(settings: Settings) -> None:
    assert not tells_a_secret(repr(settings))
    assert not tells_a_secret(str(settings))


def test_a_jwks_url_with_a_password_is_not_shown_either() -> None:
    environment = {**ENVIRONMENT, "JWT_SECRET": "", "JWT_JWKS_URL": "https://me:k3y@id.example.com/jwks"}

    assert not tells_a_secret(repr(Settings.from_environment(environment)))


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if name != "METRICS_TOKEN"])
def test_what_is_wrong_with_a_setting_is_said_without_it(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({**ENVIRONMENT, name: "swordfish"})

    assert not tells_a_secret(str(refused.value))


def fail() -> None:
    raise psycopg2.OperationalError(
        'connection to "postgresql://app:swordfish@db.example.com/x" failed for ada@example.com, '
        "redis://:hunter2@cache, Authorization: Bearer abc.def.ghi, password=swordfish"
    )


def test_a_traceback_is_logged_without_passwords_tokens_and_addresses(logged: pytest.CaptureFixture[str]) -> None:
    try:
        fail()
    except psycopg2.OperationalError:
        structlog.get_logger("a").exception("It failed", url="redis://:hunter2@cache", who="ada@example.com")
        logging.getLogger("b").exception("It failed for %s", "ada@example.com")

    out = logged.readouterr().out
    assert len(out.splitlines()) == 2
    assert all("Traceback" in json.loads(line)["exception"] for line in out.splitlines())
    assert not tells_a_secret(out)
    assert "abc.def" not in out
    assert "ada@" not in out
    # What helps to find the fault is still there.
    assert "db.example.com" in out


def test_nested_values_are_looked_through(logged: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("a").warning("x", given={"list": ["ada@example.com", {"url": "redis://:hunter2@h"}]}, n=5)

    line = json.loads(logged.readouterr().out)
    assert "ada" not in json.dumps(line)
    assert not tells_a_secret(json.dumps(line))
    assert line["n"] == 5


def test_an_error_tells_a_client_nothing(logged: pytest.CaptureFixture[str]) -> None:
    for error in (psycopg2.OperationalError("postgresql://app:swordfish@h"), RuntimeError("hunter2")):
        assert not tells_a_secret(from_error(error).get_data(as_text=True))


def test_the_document_has_none() -> None:
    assert not tells_a_secret(FILE.read_text(encoding="utf-8"))
