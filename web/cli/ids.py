"""Ids on the command line."""

from __future__ import annotations

from typing import Any

import click

from web.cli.answers import told
from web.context import container
from web.ids import canonical


class Id(click.ParamType):  # type: ignore[type-arg]  # Not every click has a type to name here.
    """A UUID."""

    name = "uuid"

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        return canonical(str(value)) or self.fail("a UUID is needed")


def tenant_id(id_or_slug: str) -> str:
    """Return the id of the tenant that is named by its id or its slug."""
    return canonical(id_or_slug) or told(lambda: container().tenants.named(id_or_slug))
