"""What is answered past Flask counts against the rate limits as all else."""

from __future__ import annotations

import pytest

from domain.settings import Settings
from domain.variables import Rate
from tests.integration.web.counted import make
from tests.integration.web.service import WINDOW


@pytest.mark.parametrize("kind", ["principal", "address"])
def test_it_counts_against_the_limits(settings: Settings, kind: str) -> None:
    service, _, ada = make(settings, **{f"rate_limit_per_{kind}": Rate(60, WINDOW)})
    token = service.token(ada)
    service.remember("/users/profile", token)
    statuses = []
    for _ in range(80):
        response, passed = service.passed("/users/profile", token)
        statuses.append(response.status_code)
        # Flask says all that there is to be said of a limit.
        assert passed or response.status_code == 429

    assert set(statuses) == {200, 429}
    assert statuses == sorted(statuses)
    assert statuses.count(200) < 60
    assert response.headers["RateLimit"].startswith(f'"{kind}";r=0')
    service.container.close()


def test_who_is_beyond_its_own_limit_counts_once_against_its_address(settings: Settings) -> None:
    # Given a user whose answers pass Flask by, until it has sent as much as it may
    service, tenant, ada = make(
        settings, rate_limit_per_principal=Rate(60, WINDOW), rate_limit_per_address=Rate(400, WINDOW)
    )
    token = service.token(ada)
    service.remember("/users/profile", token)
    while service.passed("/users/profile", token)[0].status_code == 200:
        pass

    # When it goes on, though not as far as its address may
    limits = {service.passed("/users/profile", token)[0].headers["RateLimit-Policy"] for _ in range(250)}

    # Then it is refused for itself, and others behind the same address are answered
    assert limits == {f'"principal";q=60;w={WINDOW}'}
    assert service.send("GET", f"/users/{ada.id}", by=tenant.admin).status_code == 200
    service.container.close()
