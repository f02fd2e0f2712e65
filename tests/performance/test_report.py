"""The report says what was measured, in three forms, and whether it is enough."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.performance import plots, report
from tests.performance.results import Result
from tests.performance.sections import Plot, Section, Table


def written(folder: Path) -> tuple[str, str, dict[str, object]]:
    results = [
        Result("hot, dashboard : ORM", 9000.0, "/s", 120.0, 100.0),
        Result("hot, users : ORM", 9000.0, "/s", 12.0, 60.0),
        Result("memory", 120.0, "MB", target=100.0, at_most=True),
        Result("cold", 3.0, "ms", 1.5, 2.0, at_most=True),
        Result("no target", 7.0, "/s"),
    ]
    distribution = plots.distribution({"L1": [0.1 * number for number in range(1, 500)], "ORM": [1.0, 2.0, 300.0]})
    rates = plots.bars({"dashboard": {"ORM": 90.0, "L1": 9000.0}}, log=True)
    growth = plots.lines({"hot": [(1000.0, 0.4), (100_000.0, 0.41)]}, y_label="ms")
    pictures = [Plot(name, svg) for name, svg in (("rates", rates), ("tail", distribution), ("growth", growth))]
    section = Section(
        "Queries <all>",
        "What was done.",
        results,
        [Table("Rates", ("query", "ORM"), [("dashboard", "90")])],
        pictures,
        [("EXPLAIN of user", "Index Scan <here>")],
        {"rates": {"dashboard": 90}},
    )
    report.write(folder, {"CPU": "one", "commit": "abc"}, [section], form="full", seconds=600)
    document = json.loads((folder / "bench.json").read_text())
    return (folder / "bench.md").read_text(), (folder / "bench.html").read_text(), document


def test_what_has_a_target_stands_in_one_table_with_its_verdict(tmp_path: Path):
    markdown, page, document = written(tmp_path / "report")

    for text in (markdown, page):
        assert text.index("To reach") < text.index("Machine and versions")
    assert "| hot, dashboard : ORM | 9,000.0 /s | 120.00 × | ≥ 100 | yes |" in markdown
    assert "| hot, users : ORM | 9,000.0 /s | 12.00 × | ≥ 60 | no |" in markdown
    assert "| memory | 120.0 MB |  | ≤ 100 | no |" in markdown
    assert "| cold | 3.0 ms | 1.50 × | ≤ 2 | yes |" in markdown
    assert "no target" not in markdown.split("Machine and versions")[0]
    assert [each["good"] for each in document["sections"][0]["results"]] == [True, False, False, True, None]  # type: ignore[index]
    assert document["machine"] == {"CPU": "one", "commit": "abc"}


def test_the_page_stands_by_itself_and_shows_all(tmp_path: Path):
    _, page, _ = written(tmp_path / "report")

    assert page.count("<svg") == 3
    assert not re.search(r"(src|href)=|@import|url\(", page)
    # What was measured can't break the page
    assert "Queries &lt;all&gt;" in page
    assert "Index Scan &lt;here&gt;" in page


def test_a_plot_draws_what_is_larger_longer_and_higher():
    bars = re.findall(r'<rect [^>]*width="([\d.]+)"', plots.bars({"q": {"a": 10.0, "b": 1000.0, "c": 100.0}}, log=True))
    assert float(bars[0]) < float(bars[2]) < float(bars[1])
    (points,) = re.findall(r'<polyline points="([^"]+)"', plots.lines({"a": [(1.0, 1.0), (10.0, 2.0), (100.0, 90.0)]}))
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert list(xs) == sorted(xs)
    # In a picture up is less
    assert list(ys) == sorted(ys, reverse=True)
