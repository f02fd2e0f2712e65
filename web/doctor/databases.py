"""Each PostgreSQL that the settings name: there, new enough, migrated, and with its walls between tenants up."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg2

from domain.bootstrap import Container
from domain.postgres import missing_schema
from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from domain.postgres.url import normalised
from domain.settings import Settings
from migrations.revisions import revisions
from web.doctor.finding import Finding, fail, ok, unknown, warn
from web.doctor.places import is_near
from web.doctor.pools import most_connections

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

#: The oldest PostgreSQL that knows all that the migrations use.
OLDEST = 14

#: Seconds between two clocks that are worth a word, and that make tokens end at the wrong time.
SKEW, WRONG = 1.0, 10.0

_SQL = statements("web.doctor")

#: Who asks what of a database: the name of its setting's use, and the schema that it needs there.
_USES = (("commands", "database_url", "write"), ("projections", "read_database_url", "read"),
         ("queries", "read_replica_url", "read"))  # fmt: skip


def by_url(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the uses of each database, and the schema that each needs, by its URL."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for use, setting, side in _USES:
        found[getattr(settings, setting)][use] = side
    return found


def _by_server(settings: Settings) -> dict[tuple[str | None, int | None], tuple[str, list[str]]]:
    """Return the URL of a database on each server, and all that is asked of that server."""
    found: dict[tuple[str | None, int | None], tuple[str, list[str]]] = {}
    for url, uses in by_url(settings).items():
        parts = normalised(url)
        found.setdefault((parts.host, parts.port), (url, []))[1].extend(uses)
    return found


def databases(container: Container, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Finding]:
    for url, uses in by_url(container.settings).items():
        check = f"postgresql ({', '.join(uses)})"
        pool = Pool(url, size=1, overflow=0, application_name="cqrs doctor", settings={"statement_timeout": "3s"})
        try:
            with pool.cursor() as cursor:
                yield from _database(check, cursor, uses, now)
        except psycopg2.OperationalError as error:
            yield fail(
                check,
                f"{_place(url)} does not answer: {_reason(error)}",
                "Start it, or set its URL right. Without it these fail: " + ", ".join(uses) + ".",
            )
        finally:
            pool.close()


def connections(container: Container) -> Iterator[Finding]:
    """Whether each server lets in as many as the processes may open."""
    for url, uses in _by_server(container.settings).values():
        check = f"connections ({', '.join(uses)})"
        pool = Pool(url, size=1, overflow=0, application_name="cqrs doctor", settings={"statement_timeout": "3s"})
        try:
            with pool.cursor() as cursor:
                cursor.execute(_SQL["connections"])
                allowed, used = cursor.fetchone() or (0, 0)
        except psycopg2.OperationalError:
            # Said by databases() already.
            continue
        finally:
            pool.close()
        needed = most_connections(container.settings, set(uses))
        told = f"one release of web, worker and clock opens up to {needed} of {allowed}; {used} are open now"
        advice = "Raise max_connections, lower WEB_CONCURRENCY, or put a pooler in session mode between."
        if needed > allowed:
            yield fail(check, told, advice)
        elif 2 * needed > allowed:
            yield warn(check, f"{told}: while a deployment overlaps it may not be enough", advice)
        else:
            yield ok(check, told)


def _database(check: str, cursor: Cursor, uses: dict[str, str], now: Callable[[], datetime]) -> Iterator[Finding]:
    yield _reached(check, cursor)
    yield _version(check, cursor)
    for side in dict.fromkeys(uses.values()):
        yield _migrated(f"migrations ({side}_schema)", cursor, side)
    yield _role(check, cursor)
    yield _walls(check, cursor, [f"{side}_schema" for side in set(uses.values())])
    yield _writable(check, cursor, writes=bool(uses.keys() & {"commands", "projections"}))
    if "projections" in uses:
        yield _may_rebuild(check, cursor)
    yield _skew(check, cursor, now)
    yield _disk(check, cursor)


def _reached(check: str, cursor: Cursor) -> Finding:
    info = cursor.connection.info
    place = f"{info.host or 'local socket'}:{info.port}/{info.dbname} as {info.user}"
    if info.ssl_in_use:
        verified = info.dsn_parameters.get("sslmode") in ("verify-ca", "verify-full")
        how = f"{info.ssl_attribute('protocol')}{'' if verified else ', whatever certificate it shows'}"
        return ok(check, f"{place}, {how}")
    if is_near(info.host):
        return ok(check, f"{place}, on this machine")
    return warn(check, f"{place}, without TLS", "Add ?sslmode=verify-full to its URL, or sslmode=require.")


def _version(check: str, cursor: Cursor) -> Finding:
    version = cursor.connection.info.server_version
    told = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version // 10_000 < OLDEST:
        return fail(check, told, f"Use {OLDEST} or newer.")
    return ok(check, told)


def _migrated(check: str, cursor: Cursor, side: Any) -> Finding:
    advice = missing_schema.REMEDY
    try:
        cursor.execute(f"SELECT version_num FROM {side}_schema.alembic_version")  # noqa: S608 - One of two words.
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
        return fail(check, "there is no schema yet", advice)
    except psycopg2.errors.InsufficientPrivilege:
        return fail(check, "this role may not read it", "Let the owner of the schema be the role that is used.")
    present = {row[0] for row in cursor.fetchall()}
    older, newest = revisions(side)
    told = f"at {', '.join(sorted(present)) or 'nothing'}"
    if newest <= present:
        return ok(check, f"{told}, the newest of this release")
    if present - older:
        return ok(check, f"{told}, which a newer release has made")
    return fail(check, f"{told}, this release needs {', '.join(newest)}", advice)


def _role(check: str, cursor: Cursor) -> Finding:
    cursor.execute(_SQL["role"])
    name, superuser, bypasses = cursor.fetchone() or ("?", True, True)
    powers = [word for word, has in (("a superuser", superuser), ("BYPASSRLS", bypasses)) if has]
    if powers:
        return fail(
            check,
            f"the role {name} is {' and '.join(powers)}: nothing keeps one tenant's rows from another's queries",
            "Use a role with neither: CREATE ROLE … LOGIN NOSUPERUSER NOBYPASSRLS, owner of both schemas.",
        )
    return ok(check, f"the role {name} is neither superuser nor BYPASSRLS")


def _walls(check: str, cursor: Cursor, schemas: list[str]) -> Finding:
    cursor.execute(_SQL["open_tables"], {"schemas": schemas})
    tables, gaps = cursor.fetchone() or (0, None)
    if gaps:
        return fail(
            check,
            f"row-level security is not forced, or has no policy, on {', '.join(gaps)}",
            "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, with the policy of the migrations.",
        )
    return ok(check, f"row-level security is forced on {tables} tables of tenants")


def _writable(check: str, cursor: Cursor, *, writes: bool) -> Finding:
    cursor.execute(_SQL["standby"])
    standby, read_only, behind = cursor.fetchone() or (False, False, None)
    if standby:
        told = f"a replica, {'of unknown delay' if behind is None else f'{behind:,.1f} s behind its primary at most'}"
        if writes:
            return fail(check, f"{told}, which can't be written to", "Name the primary.")
        return ok(check, told)
    if read_only and writes:
        return fail(check, "its transactions are read-only by default", "Take default_transaction_read_only away.")
    return ok(check, "a primary")


def _may_rebuild(check: str, cursor: Cursor) -> Finding:
    cursor.execute(_SQL["rebuilder"])
    creates, foreign = cursor.fetchone() or (False, None)
    lacking = [] if creates else ["may not create schemas"]
    if foreign:
        lacking.append(f"does not own {', '.join(foreign)}")
    if lacking:
        return warn(
            check,
            f"projections can't be rebuilt: the role {' and '.join(lacking)}",
            "GRANT CREATE ON DATABASE … TO …, and let the role own the tables of read_schema.",
        )
    return ok(check, "the role may rebuild projections")


def _skew(check: str, cursor: Cursor, now: Callable[[], datetime]) -> Finding:
    before = now()
    cursor.execute("SELECT clock_timestamp()")
    after = now()
    (theirs,) = cursor.fetchone() or (after,)
    apart = ((before + (after - before) / 2) - theirs).total_seconds()
    told = f"its clock and this machine's are {abs(apart):,.2f} s apart"
    advice = "Let both machines follow the same time server. Positions do not mind, tokens and times of events do."
    if abs(apart) >= WRONG:
        return fail(check, told, advice)
    return warn(check, told, advice) if abs(apart) >= SKEW else ok(check, told)


def _disk(check: str, cursor: Cursor) -> Finding:
    cursor.execute(_SQL["size"])
    size, directory = cursor.fetchone() or (0, None)
    told = f"the database has {size:,} bytes"
    if directory is None or not is_near(cursor.connection.info.host) or not os.path.isdir(directory):
        return unknown(check, f"{told}; what is free on its disk can't be seen from here", "Watch it on its machine.")
    state = os.statvfs(directory)
    free = state.f_bavail / max(1, state.f_blocks)
    told += f"; {state.f_bavail * state.f_frsize:,} bytes ({free:.0%}) are free on its disk"
    if free < 0.05:
        return fail(check, told, "Make room before it stops: it refuses commands when the disk is full.")
    return warn(check, told, "Make room.") if free < 0.15 else ok(check, told)


def _place(url: str) -> str:
    parts = normalised(url)
    return f"{parts.host or 'local socket'}:{parts.port or 5432}/{parts.database}"


def _reason(error: Exception) -> str:
    """Return what libpq says went wrong, without what it says before and behind that."""
    return (str(error).strip().splitlines() or ["it says nothing"])[0].rpartition(": ")[2]
