"""Public keys out of a JWKS document on another server, which may be slow, away, or have new keys at any time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import structlog
import urllib3

from domain.model.errors import Unavailable
from web.errors import Unauthenticated
from web.keys import ASYMMETRIC, VerificationKey

log = structlog.get_logger(__name__)

#: Bytes that a document may have, and seconds that fetching it may take as a whole.
LARGEST = 2**20
LONGEST = 2.0

#: Seconds after which keys are fetched again, while the old ones go on being used.
LIFESPAN = 300.0

#: Seconds at least between two fetches because of a key that isn't known, and after one that failed.
PAUSE = 10.0
PAUSE_AFTER_FAILURE = 1.0

Keys = Mapping[str, VerificationKey]


class FetchedKeys:
    """The keys of the document at *url*.

    Fetched by a thread of its own, one at a time, so that no request waits longer than LONGEST for the other server,
    and none at all for a key that is known. Keys that are known stay good while the server can't be reached; a key
    that is no longer in the document is no longer good.
    """

    def __init__(self, url: str, *, fetch: Callable[[str], Keys] | None = None, pause: float | None = None) -> None:
        self._url = url
        self._fetch = fetch or fetched
        self._pause = PAUSE if pause is None else pause
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._version = 0
        self._fresh_until = 0.0
        self._not_before = 0.0
        self._under_way: threading.Event | None = None

    def key_for(self, token: str) -> VerificationKey:
        key_id = jwt.get_unverified_header(token).get("kid")
        if not isinstance(key_id, str):
            raise Unauthenticated(reason="it names no key")
        key = self._keys.get(key_id)
        if key is None:
            if (fetching := self._begin()) is not None:
                fetching.wait(LONGEST)
            key = self._keys.get(key_id)
        else:
            self._refresh()
        if not self._keys:
            raise Unavailable(reason="the keys that tokens are verified with can't be fetched")
        if key is None:
            raise Unauthenticated(reason="its key is not known")
        return key

    def version(self) -> int:
        # Whoever asks only for this would otherwise never hear of a key that has been taken away.
        self._refresh()
        return self._version

    def _refresh(self) -> None:
        """Have the keys fetched again when it is time, and wait for nothing."""
        if time.monotonic() >= self._fresh_until:
            self._begin(known=True)

    def _begin(self, known: bool = False) -> threading.Event | None:
        """Fetch in a thread of its own unless it is too early for that; return what tells the end of the fetch.

        Where the keys that are wanted are *known*, it is too early while they are fresh.
        """
        with self._lock:
            # Looked at here: a fetch that has ended since the caller looked has put both off.
            not_before = max(self._fresh_until, self._not_before) if known else self._not_before
            if self._under_way is None and time.monotonic() >= not_before:
                self._under_way = threading.Event()
                threading.Thread(target=self._run, args=(self._under_way,), name="jwks", daemon=True).start()
            return self._under_way

    def _run(self, done: threading.Event) -> None:
        try:
            keys, pause = self._fetch(self._url), self._pause
        except Exception as error:
            log.warning("The keys of JWT_JWKS_URL can't be fetched", error=type(error).__name__)
            keys, pause = None, self._pause if self._keys else PAUSE_AFTER_FAILURE
        with self._lock:
            if keys is not None:
                if any(keys.get(id) != key for id, key in self._keys.items()):
                    self._version += 1
                self._keys, self._fresh_until = keys, time.monotonic() + LIFESPAN
            self._not_before = time.monotonic() + pause
            self._under_way = None
        done.set()


def fetched(url: str) -> Keys:
    """Return the keys of the document at *url* that are good for one of ASYMMETRIC. Raises if there are none."""
    deadline = time.monotonic() + LONGEST
    body = b""
    with urllib3.PoolManager(retries=False) as http:
        response = http.request("GET", url, preload_content=False, timeout=urllib3.Timeout(total=LONGEST))
        try:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            # A server that sends a byte now and then would never run into a time-out of the connection's.
            while piece := response.read1(2**16):
                body += piece
                if len(body) > LARGEST or time.monotonic() > deadline:
                    raise ValueError("too long")
        finally:
            response.close()
    return keys_of(json.loads(body))


def keys_of(document: Any) -> Keys:
    """Return the usable keys of a JWKS *document* by their ids."""
    found: dict[str, VerificationKey] = {}
    for key in jwt.PyJWKSet.from_dict(document).keys:
        usable = key.key_id and key.public_key_use in (None, "sig") and key.algorithm_name in ASYMMETRIC
        if usable:
            found.setdefault(str(key.key_id), VerificationKey(key.key, key.algorithm_name))
    if not found:
        raise ValueError("no key in it can be used")
    return found
