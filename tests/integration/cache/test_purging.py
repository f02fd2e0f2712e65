"""The edge hears of every invalidation, however often one of the two is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import redis

from domain.cache.edge_tags import ALL
from domain.cache.epoch import STREAM
from domain.cache.invalidation import RedisInvalidator
from domain.cache.purging import EdgePurges, HttpPurge, PurgeFailed
from tests.integration.cache.conftest import wait_until
from tests.integration.cache.world import TENANT, USER, tag

TAGS = [tag()]


class Edge:
    """An edge that notes what it is told, unless it is away."""

    def __init__(self) -> None:
        self.purged: list[list[str]] = []
        self.away = False

    def __call__(self, tags: Sequence[str]) -> None:
        if self.away:
            raise PurgeFailed("away")
        self.purged.append(list(tags))


@pytest.fixture
def edge() -> Edge:
    return Edge()


@pytest.fixture
def raise_(invalidator: RedisInvalidator) -> Callable[[int], None]:
    return lambda offset: invalidator.raise_({TENANT: {tag(): offset}})


def purges(client: redis.Redis, edge: Edge, *delays: float) -> EdgePurges:
    return EdgePurges(client, edge, delays or (0.0,))


def test_nothing_is_trusted_at_first_and_each_event_is_told_once(client, edge, raise_):
    raise_(11)
    following = purges(client, edge)
    following(0)
    assert edge.purged == [[ALL]]

    raise_(12)
    following(0)
    following(0)

    assert edge.purged[1:] == [TAGS]


def test_who_comes_next_goes_on_where_the_last_one_stopped(client, edge, raise_):
    raise_(11)
    purges(client, edge)(0)
    raise_(12)

    purges(client, edge)(0)

    assert edge.purged == [[ALL], TAGS]


def test_what_could_not_be_sent_is_sent_later(client, edge, raise_):
    raise_(11)
    following = purges(client, edge)
    following(0)
    edge.away = True
    for offset in (12, 13):
        raise_(offset)
        with pytest.raises(PurgeFailed):
            following(0)
    edge.away = False

    following(0)

    assert edge.purged[1:] == [TAGS]


@pytest.mark.parametrize("loss", ["trimmed", "flushed", "trimmed in part"])
def test_what_was_missed_purges_everything(client, edge, raise_, loss):
    raise_(11)
    following = purges(client, edge)
    following(0)
    raise_(12)
    raise_(13)
    if loss == "flushed":
        client.flushall()
        raise_(14)
    else:
        client.xtrim(STREAM, maxlen=1 if loss == "trimmed in part" else 0, approximate=False)

    following(0)
    raise_(15)
    following(0)

    assert edge.purged == [[ALL], [ALL], TAGS]


def test_it_is_told_again_when_nothing_older_can_be_under_way(client, edge, raise_):
    raise_(11)
    following = purges(client, edge, 0.0, 0.2)
    following(0)
    raise_(12)
    following(0)
    assert edge.purged == [[ALL], [ALL], TAGS]

    wait_until(lambda: (following(0), edge.purged[3:] == [TAGS])[1])


def test_what_is_renewed_purges_everything(client, edge, raise_, invalidator):
    raise_(11)
    following = purges(client, edge)
    following(0)

    invalidator.renew_tags({TENANT: ["users"]})
    following(0)

    assert edge.purged == [[ALL], [ALL]]


def test_it_wakes_for_news(client, edge, raise_):
    raise_(11)
    following = purges(client, edge)
    following(0)
    running = threading.Thread(target=following, args=(2.0,))
    running.start()

    raise_(12)

    wait_until(lambda: edge.purged[1:] == [TAGS], 1.0)
    running.join()


def test_many_tags_are_several_requests_and_very_many_are_all(client, edge, invalidator):
    invalidator.raise_({TENANT: {tag(): 10}})
    following = purges(client, edge)
    following(0)
    ids = [USER[:-4] + f"{number:04d}" for number in range(3000)]

    invalidator.raise_({TENANT: {tag(id): 11 for id in ids[:200]}})
    following(0)
    invalidator.raise_({TENANT: {tag(id): 12 for id in ids}})
    following(0)

    several = edge.purged[1:-1]
    assert len(several) > 1
    assert sorted(name for request in several for name in request) == sorted(map(tag, ids[:200]))
    assert all(len(" ".join(request)) < 4200 for request in several)
    assert edge.purged[-1] == [ALL]


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PURGE(self) -> None:
            heard.append(self.headers["Surrogate-Key"])
            assert self.headers["Cache-Tag"] == heard[-1].replace(" ", ",")
            self.send_response(200 if self.path == "/" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/", heard
        serving.shutdown()
        thread.join()


def test_the_tags_are_sent_in_a_header(server):
    url, heard = server

    HttpPurge(url)(["user:1", "users:2"])

    assert heard == ["user:1 users:2"]
    with pytest.raises(PurgeFailed):
        HttpPurge(f"{url}elsewhere")(["user:1"])
    with pytest.raises(PurgeFailed):
        HttpPurge("http://127.0.0.1:1/", timeout=0.2)(["user:1"])
