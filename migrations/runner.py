"""Alembic, called from our own programs and tests."""

from __future__ import annotations

from typing import TextIO

from alembic.config import Config

from migrations.revisions import HERE, Side


def config(side: Side, url: str | None = None, output: TextIO | None = None) -> Config:
    """Return the Alembic configuration of *side*. Without a *url* only SQL text can be made."""
    made = Config(output_buffer=output) if output else Config()
    made.set_main_option("script_location", str(HERE / side))
    made.set_main_option("path_separator", "os")
    made.attributes["url"] = url
    return made
