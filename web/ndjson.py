"""Reading a body line by line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

#: Bytes of a line. A user with the longest names and address, each character escaped, takes less than half of it.
LINE_BYTES = 8192

#: Bytes to ask the server for at once. It answers when all of them have come, so this is how far results are behind.
_BUFFER = 8192


def read_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the content of each line that isn't blank; None for one longer than LINE_BYTES.

    Never holds more of a line than that, however long it is.
    """
    buffered = io.BufferedReader(stream, _BUFFER)  # type: ignore[type-var]
    number = 0
    while piece := buffered.readline(LINE_BYTES + 2):
        number += 1
        whole = piece.endswith(b"\n") or len(piece) < LINE_BYTES + 2
        while not whole:
            rest = buffered.readline(_BUFFER)
            whole = not rest or rest.endswith(b"\n")
            piece = b""
        if not piece:
            yield number, None
        elif content := piece.strip():
            yield number, content if len(content) <= LINE_BYTES else None
