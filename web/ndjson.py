"""Reading a body line by line."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import IO

#: Bytes of a line. A user with the longest names and address, each character escaped, takes less than half of it.
LINE_BYTES = 8192

#: Bytes to ask the server for at once. It answers when all of them have come, so this is how far results are behind.
_BUFFER = 8192


def read_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the content of each line that isn't blank; None for one longer than LINE_BYTES.

    Never holds much more of a line than that, however long it is. A byte order mark before the first line, as some
    programs write it, is passed over (RFC 8259, section 8.1).
    """
    buffered = io.BufferedReader(stream, _BUFFER)  # type: ignore[type-var]
    number = 0
    # Beside the content there is room for the end of a line, and for the mark.
    room = LINE_BYTES + 2 + len(BOM_UTF8)
    while piece := buffered.readline(room):
        number += 1
        whole = piece.endswith(b"\n") or len(piece) < room
        while not whole:
            rest = buffered.readline(_BUFFER)
            whole = not rest or rest.endswith(b"\n")
            piece = b""
        if not piece:
            yield number, None
        elif content := (piece.removeprefix(BOM_UTF8) if number == 1 else piece).strip():
            yield number, content if len(content) <= LINE_BYTES else None
