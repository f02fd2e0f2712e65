"""What a person who has just started the service wants to know."""

from __future__ import annotations

from collections.abc import Mapping

from workers.launcher.console import Console


def welcome(console: Console, address: str, environment: Mapping[str, str]) -> None:
    console.say(f"\nReady: {address}\n")
