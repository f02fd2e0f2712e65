"""``flask --app web doctor``"""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from web.cli.answers import FAILED, json_option, say, told
from web.doctor import AT_RELEASE, CHECKS, examine, verdict
from web.doctor.finding import ORDER, Finding

_COLOURS = {"ok": "green", "unknown": "blue", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--quiet", is_flag=True, help="Leave out what is well.")
@click.option("--release", is_flag=True, help="Leave out running processes: before a release they are not there yet.")
@json_option
def doctor(quiet: bool, release: bool, as_json: bool) -> None:
    """Look at settings, servers, schemas, processes and keys, and say what to do about what is wrong.

    It works while parts are down, and ends within seconds. Ends with status 1 where something fails.
    """
    findings = told(lambda: examine(checks=AT_RELEASE if release else CHECKS))
    shown = [each for each in findings if not quiet or each.verdict in ("warn", "fail")]
    whole = {"verdict": verdict(findings), "findings": [each._asdict() for each in shown]}
    say(whole, as_json, lambda: "\n".join(_lines(shown, findings)))
    if verdict(findings) == "fail":
        sys.exit(FAILED)


def _lines(shown: Sequence[Finding], findings: Sequence[Finding]) -> Iterator[str]:
    width = max((len(each.check) for each in shown), default=0)
    for each in shown:
        mark = click.style(f"{each.verdict:7}", fg=_COLOURS[each.verdict])
        yield f"{mark}  {each.check:{width}}  {each.found}"
        if each.advice:
            yield textwrap.indent(each.advice, " " * (width + 11) + "→ ")
    counted = Counter(each.verdict for each in findings)
    yield ", ".join(f"{counted[word]} {word}" for word in ORDER if counted[word])
