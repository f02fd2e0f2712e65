"""How much the cache answers, on tenants like the sample's that are read as such things are: a few all the time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from domain.bootstrap import Container, bootstrap
from domain.settings import Settings
from domain.telemetry.counters import summed, written
from domain.telemetry.ratios import hit_ratio
from tests.integration.web.service import Service
from web.app import create_app

#: Tenants, users of each, and how often they are asked about.
TENANTS, USERS, READS = 3, 25, 1500


class Readers:
    """Asks by Zipf's law: the n-th most wanted thing is asked for 1/n as often as the first."""

    def __init__(self, container: Container, tenants: dict[str, list[str]]) -> None:
        self.container = container
        asked = [
            *(("tenant_summary", id, {}) for id in tenants),
            *(("dashboard", id, {}) for id in tenants),
            *(("users_of_tenant", id, {"limit": 10}) for id in tenants),
            *(("user", id, {"user_id": user}) for id, users in tenants.items() for user in users),
        ]
        random.Random(7).shuffle(asked)
        self.asked = asked
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(asked) + 1)))
        self._chance = random.Random(11)

    def read(self) -> None:
        query, tenant_id, arguments = self._chance.choices(self.asked, cum_weights=self._weights)[0]
        found = self.container.caching.queries.get(query, tenant_id, arguments)
        assert found.body is not None

    def ratio(self, reads: Iterator[object]) -> float:
        """Which part of *reads* the cache answered."""
        cache = self.container.caching.cache
        before = cache.counters.totals()
        for _ in reads:
            pass
        counted = {name: n - before.get(name, 0) for name, n in cache.counters.totals().items()}
        found = hit_ratio(summed([written(counted)]))
        assert found is not None
        return found


@pytest.fixture
def worker(settings: Settings) -> Iterator[Service]:
    container = bootstrap(settings)
    yield Service(create_app(container=container))
    container.close()


def test_cold_warm_and_hot(service: Service, worker: Service) -> None:
    tenants = {}
    for _ in range(TENANTS):
        tenant = worker.tenant()
        tenants[tenant.id] = [tenant.user("pending").id for _ in range(USERS)]
    worker.fold()
    readers = Readers(service.container, tenants)
    caching = service.container.caching

    def each_once() -> Iterator[None]:
        for query, tenant_id, arguments in readers.asked:
            yield caching.queries.get(query, tenant_id, arguments) and None

    cold = readers.ratio(each_once())
    usual = [readers.read() for _ in range(READS)]
    caching.hot.tell()
    # All is forgotten, as when Redis was flushed or a rebuild was cut over; then it is warmed up.
    worker.container.caching.invalidator.renew_all()
    caching.cache.l1.empty()
    worker.container.caching.warm_ups._per_second = 10_000
    worker.container.caching.warm_ups.ask("test")
    assert worker.container.caching.warm_ups.drive()
    warm = readers.ratio(readers.read() for _ in range(READS // 5))

    names = itertools.count()

    def with_writes() -> Iterator[None]:
        for number in range(READS):
            if number % 100 == 0:
                tenant_id = readers._chance.choice(list(tenants))
                worker.done("PATCH", f"/tenants/{tenant_id}", {"name": f"Name {next(names)}"})
                worker.fold()
            yield readers.read()

    hot = readers.ratio(with_writes())
    print(f"\nhit ratio: cold {cold:.1%}, after a warm-up {warm:.1%}, hot with 1 % writes {hot:.1%}")
    assert len(usual) == READS
    assert cold == 0
    assert warm >= 0.80
    assert hot >= 0.95
