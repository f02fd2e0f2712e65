"""Bodies read line by line."""

from __future__ import annotations

import io
from codecs import BOM_UTF8

import pytest

from web.ndjson import LINE_BYTES, read_lines


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb", [(1, b"a"), (2, b"b")]),
        (b"\n \t\n\na\n\n", [(4, b"a")]),
        (b"a" * LINE_BYTES + b"\nb", [(1, b"a" * LINE_BYTES), (2, b"b")]),
        (b"a" * LINE_BYTES + b"\r\nb", [(1, b"a" * LINE_BYTES), (2, b"b")]),
        (b"a" * (LINE_BYTES + 1) + b"\nb", [(1, None), (2, b"b")]),
        (b"a" * (LINE_BYTES + 2) + b"\nb", [(1, None), (2, b"b")]),
        (b"a" * (LINE_BYTES + 3) + b"\nb", [(1, None), (2, b"b")]),
        (BOM_UTF8 + b"a\nb", [(1, b"a"), (2, b"b")]),
        (BOM_UTF8 + b"a" * LINE_BYTES + b"\r\nb", [(1, b"a" * LINE_BYTES), (2, b"b")]),
        (BOM_UTF8 + b"a" * (LINE_BYTES + 1) + b"\nb", [(1, None), (2, b"b")]),
        (BOM_UTF8 + b"\nb", [(2, b"b")]),
        (BOM_UTF8, []),
        (b"a\n" + BOM_UTF8 + b"b", [(1, b"a"), (2, BOM_UTF8 + b"b")]),
        (b"a" * 300_000 + b"\nb\n" + b"c" * 300_000, [(1, None), (2, b"b"), (3, None)]),
    ],
)
def test_lines_are_numbered_as_they_stand_and_blank_ones_left_out(
    body: bytes, lines: list[tuple[int, bytes | None]]
) -> None:
    assert list(read_lines(io.BytesIO(body))) == lines
