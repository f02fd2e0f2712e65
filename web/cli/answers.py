"""What several commands say alike."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import click

from domain.model.errors import DomainError

json_option = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")


def told(action: Callable[[], Any]) -> Any:
    """Do it; a refusal is one line, not a traceback, and what is logged stays out of the output."""
    try:
        with redirect_stdout(sys.stderr):
            return action()
    except DomainError as error:
        raise click.ClickException(str(error)) from None


def cells(values: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [f"{values[column]:,}" if isinstance(values[column], int) else str(values[column]) for column in columns]
