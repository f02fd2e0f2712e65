from __future__ import annotations

import os
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cache.envelope import LONGEST, Envelope, Unreadable

KEY, OTHER = os.urandom(32), os.urandom(32)
BODY = b'{"name": "Ada"}' * 100
HERE = b"cache:{t}:entry:user\n1 0 12 etag\nuser:1"

plain = Envelope()
secret = Envelope({"new": KEY})
both = pytest.mark.parametrize("envelope", [plain, secret], ids=["plain", "encrypted"])


@both
@given(body=st.one_of(st.none(), st.binary(max_size=5000), st.just(BODY)))
def test_what_is_sealed_can_be_opened(envelope, body):
    assert envelope.open(envelope.seal(body, HERE), HERE) == body


@both
@pytest.mark.parametrize("body", [None, b"{}", BODY], ids=["absent", "short", "compressed"])
def test_a_change_of_any_bit_makes_it_unreadable(envelope, body):
    sealed = envelope.seal(body, HERE)
    for index in range(len(sealed)):
        for bit in range(8):
            damaged = bytearray(sealed)
            damaged[index] ^= 1 << bit
            with pytest.raises(Unreadable):
                envelope.open(bytes(damaged), HERE)


@both
def test_a_part_of_it_is_unreadable(envelope):
    sealed = envelope.seal(BODY, HERE)
    for end in range(len(sealed)):
        with pytest.raises(Unreadable):
            envelope.open(sealed[:end], HERE)
    with pytest.raises(Unreadable):
        envelope.open(sealed + b"!", HERE)


@both
def test_it_is_unreadable_from_another_key_or_at_another_position(envelope):
    sealed = envelope.seal(BODY, HERE)
    for elsewhere in (HERE.replace(b"user\n", b"other\n"), HERE.replace(b"12", b"13"), HERE + b" user:2", b""):
        with pytest.raises(Unreadable):
            envelope.open(sealed, elsewhere)


@both
@given(sealed=st.binary(max_size=200))
def test_rubbish_is_unreadable_and_no_error(envelope, sealed):
    for start in (b"", b"pa\x01", b"pa\x01\x02\x03new"):
        with pytest.raises(Unreadable):
            envelope.open(start + sealed, HERE)


def test_nothing_secret_can_be_read_in_it():
    sealed = secret.seal(b'{"name": "Ada"}', HERE)
    assert b"Ada" not in sealed
    assert sealed != secret.seal(b'{"name": "Ada"}', HERE)


def test_it_is_compressed_from_1_KiB_where_that_saves_a_tenth():
    noise = random.Random(1).randbytes(5000)
    assert len(plain.seal(BODY[:1000], HERE)) > 1000
    assert len(plain.seal(BODY, HERE)) < 200
    assert len(plain.seal(noise, HERE)) == 5000 + 9


def test_keys_are_changed_in_two_steps():
    rotated = Envelope({"newer": OTHER, "new": KEY})

    assert rotated.open(secret.seal(BODY, HERE), HERE) == BODY
    with pytest.raises(Unreadable):
        secret.open(rotated.seal(BODY, HERE), HERE)


def test_with_keys_nothing_plain_is_taken():
    with pytest.raises(Unreadable):
        secret.open(plain.seal(BODY, HERE), HERE)
    with pytest.raises(Unreadable):
        plain.open(secret.seal(BODY, HERE), HERE)


def test_a_bomb_does_not_go_off():
    envelope = Envelope()
    bomb = zlib.compress(bytes(LONGEST + 1), 9)
    # Sealed as it is, then said to be compressed, with a checksum that fits.
    envelope._compress = lambda body: (1, body)
    with pytest.raises(Unreadable):
        plain.open(envelope.seal(bomb, HERE), HERE)


def test_what_is_too_long_is_not_sealed():
    with pytest.raises(ValueError, match="too long"):
        plain.seal(bytes(LONGEST + 1), HERE)
    assert len(plain.open(plain.seal(bytes(LONGEST), HERE), HERE)) == LONGEST
