"""JSON from strangers."""

from __future__ import annotations

import pytest

from web.errors import Malformed
from web.json_body import MAX_DEPTH, parse


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, "\xc3\xa4", null, true]}', {"a": [1, 2.5, "ä", None, True]}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\u0000"', "\0"),
        (b"9223372036854775807", 2**63 - 1),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_what_is_json_is_taken(body: bytes, value: object) -> None:
    found = parse(body)

    assert value is None or found == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\ud800": 1}', "surrogate"),
        (b'{"a": NaN}', "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e400", "out of range"),
        (b"9223372036854775808", "out of range"),
        (b"1" * 5000, "not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "twice"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too deeply"),
        (b"[" * 900 + b"]" * 900, "too deeply"),
        (b"[" * 500_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
    ],
)
def test_what_is_odd_is_malformed(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse(body)
