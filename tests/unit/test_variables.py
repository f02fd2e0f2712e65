"""What settings may say: nothing that is taken at the start and can do no good later."""

from __future__ import annotations

import pytest

from domain.cache.envelope import Envelope
from domain.settings import Settings, SettingsError

REQUIRED = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h", "JWT_SECRET": "x" * 40}

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def faults(**environment: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(REQUIRED | environment)
    return refused.value.faults


@pytest.mark.parametrize("id", ["1", "2026-11", "Key_a.b", "x" * 32])
def test_a_key_is_named_by_a_short_word_that_goes_into_each_entry(id: str) -> None:
    keys = Settings.from_environment(REQUIRED | {"CACHE_ENCRYPTION_KEYS": f"{id}:{KEY}"}).cache_encryption_keys

    envelope = Envelope(keys)

    assert envelope.open(envelope.seal(b"an answer", b"its key"), b"its key") == b"an answer"


@pytest.mark.parametrize("id", ["", "x" * 33, "x" * 256, "a b", "ä", "a/b"])
def test_a_key_with_another_name_is_one_fault(id: str) -> None:
    (fault,) = faults(CACHE_ENCRYPTION_KEYS=f"1:{KEY},{id}:{KEY}")

    assert fault.startswith("CACHE_ENCRYPTION_KEYS: a list like id:base64,… is needed")
    assert KEY not in fault


@pytest.mark.parametrize("token", ["söderberg", "ключ", "a\x7fb", "a\nb"])
def test_a_token_that_no_header_can_carry_is_one_fault(token: str) -> None:
    (fault,) = faults(METRICS_TOKEN=token)

    assert fault.startswith("METRICS_TOKEN: ")
    assert token not in fault


def test_a_token_of_printable_ascii_is_taken_as_it_is() -> None:
    token = "open sesame " + "".join(map(chr, range(0x21, 0x7F)))

    assert Settings.from_environment(REQUIRED | {"METRICS_TOKEN": token}).metrics_token == token
