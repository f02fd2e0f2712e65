"""The report: for people as Markdown and as one HTML page with plots, for programs as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from tests.performance.results import Result
from tests.performance.sections import Section, Table

_HEAD = ("what", "measured", "ratio", "target", "reached")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px } td, th { border: 1px solid #ccc; padding: 3px 8px }
td + td, th + th { text-align: right } th { background: #f4f4f4 } .no { color: #b00020 } .yes { color: #137333 }
svg { width: 100%; background: #fff; border: 1px solid #eee } svg text { font-family: system-ui, sans-serif }
.grid { stroke: #ddd } .wide { overflow: auto }
pre { background: #f7f7f7; padding: 1em; overflow: auto; font-size: 12px }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #ddd } th, pre { background: #2a2a2a } }
"""


def write(folder: Path, facts: Mapping[str, str], sections: Sequence[Section], *, form: str, seconds: float) -> None:
    """Write bench.md, bench.json and bench.html into *folder*."""
    folder.mkdir(exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    said = f"The {form} form, {at}, {seconds / 60:.1f} minutes."
    (folder / "bench.md").write_text("\n".join(_markdown(said, facts, sections)) + "\n")
    (folder / "bench.html").write_text("\n".join(_html(said, facts, sections)) + "\n")
    document = {
        "at": at,
        "form": form,
        "seconds": round(seconds, 1),
        "machine": dict(facts),
        "sections": [
            {
                "title": section.title,
                "results": [each._asdict() | {"good": each.good} for each in section.results],
                "data": section.data,
            }
            for section in sections
        ],
    }
    (folder / "bench.json").write_text(json.dumps(document, indent=1) + "\n")


def to_reach(sections: Sequence[Section]) -> Table:
    """All that has a target."""
    results = [each for section in sections for each in section.results if each.target is not None]
    return Table("To reach", _HEAD, [_row(each) for each in results])


def _row(result: Result) -> tuple[str, ...]:
    ratio = "" if result.ratio is None else f"{result.ratio:.2f} ×"
    target = "" if result.target is None else f"{'≤' if result.at_most else '≥'} {result.target:g}"
    verdict = {None: "", True: "yes", False: "no"}[result.good]
    return result.name, f"{result.value:,.1f} {result.unit}", ratio, target, verdict


def _tables(section: Section) -> Iterator[Table]:
    if section.results:
        yield Table("Results", _HEAD, [_row(each) for each in section.results])
    yield from section.tables


def _facts(facts: Mapping[str, str]) -> Table:
    return Table("Machine and versions", ("what", "is"), list(facts.items()))


def _markdown(said: str, facts: Mapping[str, str], sections: Sequence[Section]) -> Iterator[str]:
    def table(table: Table) -> Iterator[str]:
        yield f"\n### {table.title}\n"
        yield f"| {' | '.join(table.head)} |"
        yield f"|{' --- |' * len(table.head)}"
        yield from (f"| {' | '.join(map(str, row))} |" for row in table.rows)

    yield f"# Benchmark\n\n{said}"
    yield from table(to_reach(sections))
    yield from table(_facts(facts))
    for section in sections:
        yield f"\n## {section.title}\n\n{section.words}"
        for each in _tables(section):
            yield from table(each)
    for title, text in (each for section in sections for each in section.appendix):
        yield f"\n### Appendix: {title}\n\n```\n{text}\n```"


def _html(said: str, facts: Mapping[str, str], sections: Sequence[Section]) -> Iterator[str]:
    def table(table: Table) -> Iterator[str]:
        yield f"<h3>{escape(table.title)}</h3><div class='wide'><table><tr>"
        yield "".join(f"<th>{escape(name)}</th>" for name in table.head) + "</tr>"
        for row in table.rows:
            cells = (f"<td class='{cell}'>{escape(str(cell))}</td>" if cell in ("yes", "no") else
                     f"<td>{escape(str(cell))}</td>" for cell in row)  # fmt: skip
            yield f"<tr>{''.join(cells)}</tr>"
        yield "</table></div>"

    yield "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    yield f"<title>Benchmark</title><style>{_STYLE}</style><h1>Benchmark</h1><p>{escape(said)}</p>"
    yield from table(to_reach(sections))
    yield from table(_facts(facts))
    for section in sections:
        yield f"<h2>{escape(section.title)}</h2>"
        yield from (f"<p>{escape(words)}</p>" for words in section.words.split("\n\n") if words.strip())
        for plot in section.plots:
            yield f"<h3>{escape(plot.title)}</h3>{plot.svg}"
        for each in _tables(section):
            yield from table(each)
    yield "<h2>Appendix</h2>"
    for title, text in (each for section in sections for each in section.appendix):
        yield f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"
    yield "</html>"
