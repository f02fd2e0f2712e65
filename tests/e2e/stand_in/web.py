"""Stands in for the real service where only the launcher is looked at: it starts fast and has the same commands."""

from __future__ import annotations

import click
from flask import Flask

app = Flask("web")


@app.get("/health/ready")
def ready() -> str:
    return "ready"


@app.cli.command("load-sample")
@click.option("--if-empty", is_flag=True)
@click.option("--url")
def load_sample(if_empty: bool, url: str) -> None:
    click.echo(f"sample for {url}")


@app.cli.command("welcome")
@click.option("--url")
def welcome(url: str) -> None:
    click.echo(f"welcome to {url}")
