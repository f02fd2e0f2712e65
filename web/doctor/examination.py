"""The examination: all checks side by side, each bounded in time, so that it ends however much is down."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from domain.bootstrap import Container, bootstrap
from domain.postgres import missing_schema
from domain.redaction import redacted
from domain.settings import Settings, SettingsError
from web.asking import Asking
from web.doctor import caches, databases, environment, projections, tokens, troubles
from web.doctor.finding import ORDER, Finding, Verdict, fail, ok

#: Seconds after which whatever has not answered is reported so.
LONGEST = 8.0

Check = Callable[[Container], Iterable[Finding]]

#: Every check by the name under which it is reported where it fails as a whole.
CHECKS: Mapping[str, Check] = {
    "packages": environment.packages,
    "settings": environment.settings,
    "databases": databases.databases,
    "connections": databases.connections,
    "projections": projections.projections,
    "troubles": troubles.troubles,
    "redis": caches.servers,
    "cache encryption": caches.encryption,
    "tokens": tokens.tokens,
    "edge": environment.edge,
}

#: Those whose outcome rests on no running process. In a release phase none of the new release runs yet, and what those
#: of the release before run into must not keep out the one that mends it.
AT_RELEASE: Mapping[str, Check] = {
    name: projections.checkpoints if name == "projections" else check
    for name, check in CHECKS.items()
    if name != "troubles"
}


def examine(
    environ: Mapping[str, str] | None = None, checks: Mapping[str, Check] = CHECKS, longest: float = LONGEST
) -> list[Finding]:
    """Run *checks* on the service as *environ* (default: the process's own) sets it up. It never raises."""
    try:
        settings = Settings.from_environment(os.environ if environ is None else environ)
        container = bootstrap(settings)
    except SettingsError as error:
        return [
            *(fail("settings", fault, "Set it right; README.md lists all settings.") for fault in error.faults),
            *environment.interpreter(),
        ]
    try:
        return [ok("settings", "all can be read"), *_side_by_side(container, checks, longest)]
    finally:
        # What hangs may hang in here too.
        threading.Thread(target=container.close, daemon=True).start()


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Return the worst of all."""
    return max((each.verdict for each in findings), key=ORDER.index, default="ok")


def _side_by_side(container: Container, checks: Mapping[str, Check], longest: float) -> list[Finding]:
    looks = {name: partial(_run, name, check, container) for name, check in checks.items()}
    found = Asking[list[Finding]]("examination").ask(looks, longest)

    def silence(name: str) -> list[Finding]:
        advice = "Look whether the server that it asks is up, or frozen."
        return [fail(name, f"no answer within {longest:.0f} s", advice)]

    return [finding for name, told in found.items() for finding in (silence(name) if told is None else told)]


def _run(name: str, check: Check, container: Container) -> list[Finding]:
    try:
        return list(check(container))
    except missing_schema.ERRORS:
        return [fail(name, missing_schema.WORDS, missing_schema.REMEDY)]
    except Exception as error:
        reason = redacted(" ".join(f"{type(error).__name__}: {error}".split()))
        return [fail(name, f"it can't be looked at: {reason}", "Mend what is reported above, and look again.")]
