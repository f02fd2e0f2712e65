"""The traditional applications, each wired; with a function that closes its connections."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from flask import Flask
from sqlalchemy import create_engine

from domain.postgres.pool import Pool
from domain.postgres.url import normalised
from domain.settings import Settings
from tests.performance.traditional.app import create_app
from tests.performance.traditional.orm_commands import OrmCommands
from tests.performance.traditional.orm_queries import OrmQueries
from tests.performance.traditional.sql_commands import SqlCommands
from tests.performance.traditional.sql_queries import SqlQueries

#: As the service's own sessions have it.
_SESSION = {"timezone": "UTC", "random_page_cost": "1.1", "jit": "off"}


def orm(settings: Settings) -> tuple[Flask, Callable[[], None]]:
    engine = create_engine(
        normalised(settings.database_url),
        pool_size=8,
        max_overflow=7,
        pool_use_lifo=True,
        json_deserializer=orjson.loads,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        connect_args={"options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items())},
    )
    return create_app(settings, OrmQueries(engine), OrmCommands(engine)), engine.dispose


def sql(settings: Settings) -> tuple[Flask, Callable[[], None]]:
    pool = Pool(settings.database_url, settings={**_SESSION, "plan_cache_mode": "force_generic_plan"})
    return create_app(settings, SqlQueries(pool), SqlCommands(pool)), pool.close
