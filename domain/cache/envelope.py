"""How an answer is wrapped for Redis: ``magic | version | flags | key id | nonce or checksum | body``.

The body is compressed where that pays, then encrypted if there are keys. It is bound to its associated data, which is
the key it lies under and what the fence knows of it (its position among it), so it can't be read from anywhere else.
Without encryption a checksum finds what was damaged by accident.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC: Final = b"pa"
VERSION: Final = 1

#: No answer is longer, so an entry that says it is was damaged, or wants to fill the memory.
LONGEST: Final = 8 * 2**20

_COMPRESSED, _ENCRYPTED, _ABSENT = 1, 2, 4
_KNOWN = _COMPRESSED | _ENCRYPTED | _ABSENT

#: Magic, version, flags, length of the key id.
_HEAD = struct.Struct(">2sBBB")
_CHECKSUM = struct.Struct(">I")
_NONCE = 12


class Unreadable(Exception):
    """The entry can't be read: it is damaged, from another version, or under a key that we don't have."""


class Envelope:
    """Seals answers and opens them. The first of *keys* (id → 32 bytes) encrypts, all of them decrypt; none: plain."""

    def __init__(self, keys: Mapping[str, bytes] | None = None, compress_min_bytes: int = 1024) -> None:
        self._ciphers = {id.encode(): AESGCM(key) for id, key in (keys or {}).items()}
        self._current = next(iter(self._ciphers), b"")
        self._compress_min_bytes = compress_min_bytes

    def seal(self, body: bytes | None, associated: bytes) -> bytes:
        """Wrap *body*; None means that there is no such thing. Raises ValueError for one that is too long."""
        if body is not None and len(body) > LONGEST:
            raise ValueError(f"a body of {len(body)} bytes is too long")
        flags, content = (_ABSENT, b"") if body is None else self._compress(body)
        if not self._current:
            head = _HEAD.pack(MAGIC, VERSION, flags, 0)
            return head + _CHECKSUM.pack(_checksum(head, content, associated)) + content
        head = _HEAD.pack(MAGIC, VERSION, flags | _ENCRYPTED, len(self._current)) + self._current
        nonce = os.urandom(_NONCE)
        return head + nonce + self._ciphers[self._current].encrypt(nonce, content, head + associated)

    def open(self, sealed: bytes, associated: bytes) -> bytes | None:
        """Return what was sealed with the same associated data. Raises Unreadable."""
        if len(sealed) < _HEAD.size:
            raise Unreadable
        magic, version, flags, id_length = _HEAD.unpack_from(sealed)
        if magic != MAGIC or version != VERSION or flags & ~_KNOWN:
            raise Unreadable
        start = _HEAD.size + id_length
        if flags & _ENCRYPTED:
            content = self._decrypt(sealed, start, associated)
        else:
            content = self._check(sealed, id_length, associated)
        if flags & _ABSENT:
            return None
        return _decompress(content) if flags & _COMPRESSED else content

    def _compress(self, body: bytes) -> tuple[int, bytes]:
        if len(body) >= self._compress_min_bytes:
            compressed = zlib.compress(body, 1)
            if len(compressed) <= len(body) * 0.9:
                return _COMPRESSED, compressed
        return 0, body

    def _decrypt(self, sealed: bytes, start: int, associated: bytes) -> bytes:
        cipher = self._ciphers.get(sealed[_HEAD.size : start])
        end = start + _NONCE
        if cipher is None or len(sealed) < end:
            raise Unreadable
        try:
            return cipher.decrypt(sealed[start:end], sealed[end:], sealed[:start] + associated)
        except InvalidTag:
            raise Unreadable from None

    def _check(self, sealed: bytes, id_length: int, associated: bytes) -> bytes:
        # With keys set, what isn't encrypted wasn't written by us.
        end = _HEAD.size + _CHECKSUM.size
        if self._ciphers or id_length or len(sealed) < end:
            raise Unreadable
        content = sealed[end:]
        if _CHECKSUM.unpack_from(sealed, _HEAD.size)[0] != _checksum(sealed[: _HEAD.size], content, associated):
            raise Unreadable
        return content


def _checksum(head: bytes, content: bytes, associated: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(head + associated))


def _decompress(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(content, LONGEST)
    except zlib.error:
        raise Unreadable from None
    if not inflater.eof or inflater.unused_data:
        raise Unreadable
    return body
