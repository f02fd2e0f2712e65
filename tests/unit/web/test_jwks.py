"""Keys out of a JWKS document, from a real server that changes its keys, is slow, or is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from domain.model.errors import Unavailable
from tests.key_server import PRIVATE, Handler, KeyServer, header, published, serving
from tests.stopwatch import Stopwatch
from web import jwks
from web.auth import Authenticator
from web.errors import Unauthenticated
from web.jwks import FetchedKeys, fetched, keys_of
from web.keys import VerificationKey


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with serving() as server:
        yield server


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_tokens_signed_with_a_published_key_are_taken(server: KeyServer, algorithm: str) -> None:
    authenticator = Authenticator(FetchedKeys(server.url))

    assert authenticator.authenticate(header(algorithm, PRIVATE[algorithm])).id == "somebody"


@pytest.mark.parametrize(
    "given",
    [
        header("ES256", ec.generate_private_key(ec.SECP256R1())),
        header("RS256", PRIVATE["RS256"], kid="ES256"),
        header("RS256", PRIVATE["RS256"], kid="unknown"),
        header("RS256", PRIVATE["RS256"], kid=None),
        header("HS256", "a-secret-of-more-than-thirty-two-bytes"),
        header("HS256", "a-secret-of-more-than-thirty-two-bytes", kid="RS256"),
    ],
    ids=["other key", "key of another kind", "unknown key", "no key named", "a secret", "a secret for a key"],
)
def test_other_tokens_are_refused(server: KeyServer, given: str) -> None:
    with pytest.raises(Unauthenticated):
        Authenticator(FetchedKeys(server.url)).authenticate(given)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA"}]}'])
def test_a_server_that_publishes_nothing_useful_is_an_outage(server: KeyServer, body: bytes) -> None:
    server.body = body

    with pytest.raises(Unavailable):
        Authenticator(FetchedKeys(server.url)).authenticate(header("RS256", PRIVATE["RS256"]))


def test_a_server_that_is_gone_is_an_outage_told_at_once(unused_port: int) -> None:
    keys = FetchedKeys(f"http://127.0.0.1:{unused_port}/jwks.json")

    for _ in range(2):
        with Stopwatch() as watch, pytest.raises(Unavailable):
            Authenticator(keys).authenticate(header("RS256", PRIVATE["RS256"]))
        assert watch.seconds < 1


@pytest.fixture
def unused_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        return int(server.server_address[1])


@pytest.mark.parametrize("how", ["silent", "drips", "endless"])
def test_a_slow_server_costs_a_request_no_more_than_two_seconds(server: KeyServer, how: str) -> None:
    server.delay = 10 if how == "silent" else 0
    server.drip = how == "drips"
    server.body = b" " * 2**21

    with Stopwatch() as watch, pytest.raises(Unavailable):
        Authenticator(FetchedKeys(server.url)).authenticate(header("RS256", PRIVATE["RS256"]))

    assert watch.seconds < 3
    server.drip = False


@pytest.mark.parametrize("how", ["drips", "endless", "refuses"])
def test_a_fetch_has_an_end(server: KeyServer, how: str) -> None:
    server.drip = how == "drips"
    server.status = 500 if how == "refuses" else 200
    server.body = b" " * 2**21

    with Stopwatch() as watch, pytest.raises(ValueError, match=r"too long|500"):
        fetched(server.url)

    assert watch.seconds < 3
    server.drip = False


def test_many_requests_at_once_fetch_once(server: KeyServer) -> None:
    server.delay = 0.2
    authenticator = Authenticator(FetchedKeys(server.url))
    taken: list[str] = []
    threads = [
        threading.Thread(target=lambda: taken.append(authenticator.authenticate(header("RS256", PRIVATE["RS256"])).id))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert taken == ["somebody"] * 10
    assert server.asked == 1


@pytest.mark.parametrize(
    "wanting",
    [
        lambda keys: keys.version(),
        lambda keys: keys.key_for(header("RS256", PRIVATE["RS256"]).removeprefix("Bearer ")),
    ],
    ids=["the version", "a key"],
)
def test_a_fetch_that_ends_while_another_request_looks_is_not_done_again(
    server: KeyServer, wanting: Callable[[FetchedKeys], object]
) -> None:
    keys = FetchedKeys(server.url)

    class Meanwhile:
        """The lock of the keys, which a request gets only after somebody else's fetch has ended."""

        def __enter__(self) -> None:
            keys._lock = self.lock = threading.Lock()
            keys.key_for(header("ES256", PRIVATE["ES256"]).removeprefix("Bearer "))
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    keys._lock = Meanwhile()  # type: ignore[assignment]
    wanting(keys)

    assert keys._under_way is None
    assert server.asked == 1


def test_a_new_key_is_found_as_soon_as_it_signs_and_an_old_one_goes(server: KeyServer) -> None:
    server.publish({"RS256": PRIVATE["RS256"]})
    authenticator = Authenticator(FetchedKeys(server.url, pause=0))
    authenticator.authenticate(header("RS256", PRIVATE["RS256"]))

    server.publish({"ES256": PRIVATE["ES256"]})

    assert authenticator.authenticate(header("ES256", PRIVATE["ES256"])).id == "somebody"
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(header("RS256", PRIVATE["RS256"]))


def test_the_version_changes_when_a_key_goes_and_not_when_one_comes(server: KeyServer) -> None:
    server.publish({"RS256": PRIVATE["RS256"]})
    keys = FetchedKeys(server.url, pause=0)
    authenticator = Authenticator(keys)
    authenticator.authenticate(header("RS256", PRIVATE["RS256"]))
    first = keys.version()

    server.publish({"RS256": PRIVATE["RS256"], "ES256": PRIVATE["ES256"]})
    authenticator.authenticate(header("ES256", PRIVATE["ES256"]))
    assert keys.version() == first

    server.publish({"ES256": PRIVATE["ES256"]})
    # As if the keys had grown old: who asks for the version has them fetched.
    keys._fresh_until = 0.0
    deadline = time.monotonic() + 30
    while keys.version() == first:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_unknown_keys_can_not_be_used_to_flood_the_server(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # However long the machine stands still meanwhile, no time comes to fetch again.
    monkeypatch.setattr(jwks, "PAUSE", 100 * jwks.PAUSE)
    authenticator = Authenticator(FetchedKeys(server.url))

    for number in range(50):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(header("RS256", PRIVATE["RS256"], kid=f"unknown-{number}"))

    assert server.asked == 1


def test_known_keys_go_on_working_without_the_server_and_without_waiting() -> None:
    attempts: list[float] = []
    known = {"RS256": VerificationKey(PRIVATE["RS256"].public_key(), "RS256")}

    def fetch(_url: str) -> dict[str, VerificationKey]:
        attempts.append(time.monotonic())
        if len(attempts) > 1:
            raise OSError("away")
        return known

    keys = FetchedKeys("http://nowhere", fetch=fetch, pause=0)
    authenticator = Authenticator(keys)
    authenticator.authenticate(header("RS256", PRIVATE["RS256"]))
    # As if the keys had grown old.
    keys._fresh_until = 0.0

    for _ in range(20):
        assert authenticator.authenticate(header("RS256", PRIVATE["RS256"])).id == "somebody"
        time.sleep(0.005)

    assert len(attempts) > 1


def test_keys_for_other_uses_are_left_out() -> None:
    signing, encrypting = (published("RS256", PRIVATE["RS256"]) | {"kid": use, "use": use} for use in ("sig", "enc"))
    unnamed = {name: value for name, value in signing.items() if name != "kid"}
    odd = published("RS256", PRIVATE["RS256"]) | {"kid": "odd", "alg": "PS256"}

    assert set(keys_of({"keys": [signing, encrypting, unnamed, odd, {"kty": "oct", "k": "AA", "kid": "secret"}]})) == {
        "sig"
    }
