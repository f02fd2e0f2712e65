"""This process's memory is given only as long as it hears of what is invalidated."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from domain.cache import stream
from domain.cache.epoch import STREAM
from tests.integration.cache.conftest import trusted, wait_until
from tests.integration.cache.world import TENANT, key, tag, value_of
from tests.stopwatch import Stopwatch


def get(cache, truth):
    found = cache.get_or_load(key(), truth.read)
    return value_of(found.body), found.level


def fill(cache, truth) -> None:
    wait_until(lambda: get(cache, truth)[1] == "l1")


def hear(cache) -> None:
    """Do what the reader's thread does until the memory is trusted."""
    cache.start = lambda: None
    wait_until(lambda: cache.reader.follow() or trusted(cache))


def test_memory_ends_with_an_invalidation(listening, truth, change):
    fill(listening, truth)
    change(2)
    ended, asked = time.monotonic(), []
    wait_until(lambda: (asked.append(time.monotonic()), get(listening, truth))[1][0] == 2)
    # The last one was answered with what is true. By itself memory ends after two seconds.
    assert [late for each in asked[:-1] if (late := each - ended) > 0.5] == []


def test_memory_ends_with_what_is_invalidated_by_hand(listening, truth, invalidator):
    fill(listening, truth)
    truth.write(2)
    invalidator.renew_tags({TENANT: [tag()]})
    wait_until(lambda: get(listening, truth)[0] == 2)
    fill(listening, truth)
    truth.write(3)
    invalidator.renew_all()
    wait_until(lambda: get(listening, truth)[0] == 3)


def test_it_is_not_used_before_anything_was_heard(caches, redis_url, truth):
    cache = caches(redis_url)
    cache.start = lambda: None
    assert [get(cache, truth)[1] for _ in range(3)] == ["load", "l2", "l2"]


def test_it_is_not_used_once_nothing_was_heard_for_two_seconds(listening, truth, monkeypatch):
    fill(listening, truth)
    frozen = threading.Event()
    monkeypatch.setattr(listening.reader, "follow", lambda: frozen.wait(10))
    wait_until(lambda: not trusted(listening), 3)
    assert get(listening, truth)[1] == "l2"
    frozen.set()


def test_the_reader_goes_on_where_its_connection_was_lost(listening, truth, client, change):
    fill(listening, truth)
    for value in range(2, 7):
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        change(value)
        wait_until(lambda value=value: get(listening, truth)[0] == value)
    assert listening.reader.disconnected > 0
    assert listening.reader.missed == 0


@pytest.mark.parametrize("lose", ["trim", "flush", "state"])
def test_memory_is_emptied_when_messages_are_gone(caches, redis_url, truth, client, change, lose):
    cache = caches(redis_url)
    hear(cache)
    fill(cache, truth)

    change(2)
    if lose == "trim":
        client.xtrim(STREAM, maxlen=0)
    elif lose == "flush":
        client.flushall()
    else:
        client.delete("cache:{all}:state", STREAM)
    assert get(cache, truth)[0] == 1
    cache.reader.follow()

    assert get(cache, truth)[0] == 2
    assert cache.reader.missed == 1


def test_memory_is_emptied_when_a_gap_shows_in_what_comes(caches, redis_url, truth, client, change):
    cache = caches(redis_url)
    hear(cache)
    fill(cache, truth)
    change(2)
    client.xtrim(STREAM, maxlen=0)
    change(3)

    cache.reader.follow()

    assert get(cache, truth)[0] == 3
    assert cache.reader.missed == 1


def test_a_backlog_is_read_before_memory_is_trusted(caches, redis_url, truth, change, monkeypatch):
    monkeypatch.setattr(stream, "_BATCH", 3)
    cache = caches(redis_url)
    hear(cache)
    fill(cache, truth)
    cache.reader.trusted_until = 0.0
    for value in range(2, 12):
        change(value)

    cache.reader.follow()

    assert get(cache, truth)[0] == 11
    assert cache.reader.missed == 0


def test_a_half_open_connection_is_noticed(caches, redis_url, truth, change):
    with Wall(redis_url) as wall:
        cache = caches(redis_url)
        cache.reader._client = caches(wall.url).reader._client
        cache.start()
        wait_until(lambda: trusted(cache))
        fill(cache, truth)

        wall.swallow.set()
        change(2)
        with Stopwatch() as watch:
            wait_until(lambda: get(cache, truth)[0] == 2)
        assert watch.seconds <= stream.TRUSTED + 0.2

        wall.swallow.clear()
        wait_until(lambda: trusted(cache))
        fill(cache, truth)
        assert cache.reader.missed == 0


class Wall:
    """A way to a server that can swallow all that goes through it without ending a connection."""

    def __init__(self, url: str) -> None:
        start, _, rest = url.rpartition("@")
        address, _, database = rest.partition("/")
        host, _, port = address.partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{start}@127.0.0.1:{self._listener.getsockname()[1]}/{database}"
        self.swallow = threading.Event()
        self._sockets: list[socket.socket] = [self._listener]
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Wall:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing it would leave the thread waiting, and let the next one in.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._sockets += [near, far]
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not self.swallow.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
