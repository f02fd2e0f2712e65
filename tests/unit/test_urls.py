"""URLs in the settings: one that leads nowhere stops each process at its start, with a line that names the setting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]

REQUIRED = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h", "JWT_SECRET": "x" * 40}

PROGRAMS = (
    "granian --interface wsgi --host 127.0.0.1 --port 0 web.wsgi:app",
    "dramatiq workers.actors --processes 1 --threads 1 --skip-logging",
    "python -m workers.clock",
    "flask --app web health",
)


@pytest.mark.parametrize("name", ["DATABASE_URL", "READ_DATABASE_URL", "READ_REPLICA_URL"])
@pytest.mark.parametrize(
    "url",
    [
        *("postgres://", "postgresql:///", "postgres:/h/d", "mysql://h/d"),
        *("postgres://h:abc/d", "postgres://h:0/d", "postgres://h:99999999/d", "postgres://:hunter2@h:x/d"),
        *("postgresql:///d?port=abc", "postgresql://h/d?sslmod=require"),
    ],
)
def test_a_url_that_leads_to_no_database_is_one_fault(name: str, url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({**REQUIRED, name: url})

    (fault,) = refused.value.faults
    assert fault.startswith(f"{name}: a URL")
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "url",
    [
        *("postgres://h", "postgres://u:p@h:5432/d", "postgresql://u:p%40@[::1]:65535/d", "postgresql+psycopg2://h/d"),
        *("postgresql:///d", "postgresql:///d?host=/run/postgresql", "postgresql://?service=directory"),
        *("postgresql:///d?host=one:5432&host=two:5433", "postgres://h/d?sslmode=verify-full&sslrootcert=/a.crt"),
    ],
)
def test_a_url_that_leads_to_a_database_is_taken_as_it_is(url: str) -> None:
    assert Settings.from_environment({**REQUIRED, "DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("name", ["REDIS_URL", "CACHE_REDIS_URL"])
@pytest.mark.parametrize(
    "url",
    [
        *("redis://h:abc", "redis://h:0", "redis://h:99999999", "redis://:hunter2@[h", "http://h"),
        *("redis://h/xx", "redis://h/-1", "redis://h/1/2", "redis://h?db=xx", "redis+sentinel://h/name/xx"),
        *("redis://h?socket_timeout=soon", "redis://h?sokcet_timeout=1", "rediss://h?ssl_cert_reqs=some"),
    ],
)
def test_a_url_that_leads_to_no_redis_is_one_fault(name: str, url: str) -> None:
    for verify in ("on", "off"):
        with pytest.raises(SettingsError) as refused:
            Settings.from_environment({**REQUIRED, name: url, "REDIS_TLS_VERIFY": verify})

        (fault,) = refused.value.faults
        assert fault.startswith(f"{name}: ")
        assert "hunter2" not in fault


@pytest.mark.parametrize(
    "url",
    [
        *("redis://h", "redis://h/", "redis://:p%2f@h:65535/15", "rediss://u:p@h:6380/0?ssl_cert_reqs=none"),
        *("redis://h?db=3", "redis://h?socket_timeout=1.5&health_check_interval=2", "unix:///run/redis.sock?db=1"),
        *("redis+sentinel://h,i/name/3?sentinel_password=p", "rediss+sentinel://h/name?ssl_cert_reqs=none"),
    ],
)
def test_a_url_that_leads_to_a_redis_is_taken_as_it_is(url: str) -> None:
    assert Settings.from_environment({**REQUIRED, "REDIS_URL": url}).redis_url == url


def started(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command.split()
    return subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", PROGRAMS)
@pytest.mark.parametrize(
    "urls",
    [{"DATABASE_URL": "postgres://h:abc/d", "REDIS_URL": "redis://h:abc"}, {"REDIS_URL": "redis+cluster://h"}],
)
def test_each_process_ends_with_lines_that_name_the_settings(command: str, urls: dict[str, str]) -> None:
    ended = started(command, **{**REQUIRED, **urls})

    assert ended.returncode != 0
    assert all(f"{name}: " in ended.stdout for name in urls)
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("url", ["postgres://h:abc/d", "mysql://h/d"])
def test_so_do_the_migrations(url: str) -> None:
    ended = started("python -m migrations upgrade", DATABASE_URL=url)

    assert ended.returncode != 0
    assert ended.stdout.startswith("Error: DATABASE_URL: a URL")
    assert len(ended.stdout.splitlines()) == 1


@pytest.mark.parametrize(("name", "url"), [("DATABASE_URL", "postgres://h:abc/d"), ("REDIS_URL", "redis://h:abc")])
def test_the_doctor_reports_them(name: str, url: str) -> None:
    ended = started("flask --app web doctor --quiet", **{**REQUIRED, name: url})

    assert ended.returncode == 1
    assert f"fail     settings  {name}: " in ended.stdout
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("name", ["JWT_JWKS_URL", "EDGE_PURGE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"])
@pytest.mark.parametrize("url", ["https://h:abc/", "https://h:99999999/", "https://:443/", "https://[h/", "ftp://h/"])
def test_a_url_that_leads_to_no_web_server_is_one_fault(name: str, url: str) -> None:
    without_secret = {key: value for key, value in REQUIRED.items() if (key, name) != ("JWT_SECRET", "JWT_JWKS_URL")}

    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({**without_secret, name: url})

    assert refused.value.faults == [f"{name}: a URL that starts with http:// or https:// is needed"]
