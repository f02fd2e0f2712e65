"""What the documents tell people to type exists."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from flask import Flask

from web import cli

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "web" / "handbook").glob("*.md"))]
COMMANDS = [
    (page.name, line.strip())
    for page in PAGES
    for line in re.findall(r"flask --app web ([^`\n#|>;)]+)", page.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask("web")
    cli.install(app)
    return app


def resolved(app: Flask, words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that *words* begin with, and the words that are left for it."""
    found: click.Command = app.cli
    while isinstance(found, click.Group) and words:
        following = found.commands.get(words[0])
        assert following is not None, f"there is no command {words[0]}"
        found, words = following, words[1:]
    return found, words


@pytest.mark.parametrize(("page", "line"), sorted(set(COMMANDS)))
def test_a_command_exists_with_its_options(app: Flask, page: str, line: str) -> None:
    # Several may be named with commas between them.
    for each in re.split(r", (?=[a-z-]+(?: |$))", line.rstrip(" .,:")):
        command, words = resolved(app, shlex.split(each.replace("…", "x")))
        if isinstance(command, click.Group):
            # A whole group is spoken of.
            assert words == []
            continue
        context = click.Context(command, info_name=command.name)
        given, rest, _ = command.make_parser(context).parse_args(words)
        assert rest == []
        if words:
            required = [each.name for each in command.params if each.required]
            assert [name for name in required if not given.get(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_else_can_be_typed_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|^    )make ([a-z]+)", text, re.MULTILINE)) <= targets
    for module in set(re.findall(r"python -m ([a-z_][\w.]*\w)", text)) - {"pip", "venv"}:
        assert find_spec(module), module
    for script in re.findall(r"python (\.?[\w/]+\.py)", text):
        assert (ROOT / script).exists(), script


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_handbook_is_found_from_its_index() -> None:
    index = (ROOT / "web" / "handbook" / "README.md").read_text(encoding="utf-8")

    assert [page.name for page in PAGES if page.parent.name == "handbook" and page.name not in index] == ["README.md"]
