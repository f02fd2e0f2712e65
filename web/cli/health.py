"""``flask --app web health``"""

from __future__ import annotations

import sys

import click
from flask.cli import with_appcontext

from web.cli.answers import DEGRADED, FAILED, json_option, say, told
from web.cli.tables import table
from web.context import container
from web.health.whole import whole

_EXIT_CODES = {"healthy": 0, "degraded": DEGRADED, "unhealthy": FAILED}


@click.command()
@json_option
@with_appcontext
def health(as_json: bool) -> None:
    """Say how the service is, why, and what to do.

    Ends with status 0 where it is healthy, 3 where it is degraded (all requests are still served), and 1 where it is
    unhealthy.
    """
    found = told(lambda: whole(container()))
    reasons = [reason._asdict() for reason in found.reasons]
    parts = ([name, part["status"]] for name, part in found.parts.items())
    lines = [f"{found.verdict}{':' if reasons else ''}"]
    for reason in found.reasons:
        lines += [f"- {reason.words}", f"  → {reason.remedy}"]
    lines += ["", table(("part", "status"), parts, words=2)]
    say({"status": found.verdict, "reasons": reasons, "parts": found.parts}, as_json, lambda: "\n".join(lines))
    sys.exit(_EXIT_CODES[found.verdict])
