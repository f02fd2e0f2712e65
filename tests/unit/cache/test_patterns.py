from __future__ import annotations

import pytest

from domain.cache.patterns import Target, target_of
from domain.model.errors import Invalid

T, U = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    ("pattern", "tenant", "tags"),
    [
        (f"user:{U}:tenant:{T}:v:1", T, {f"user:{U}"}),
        (f"user:{U}:tenant:{T}*", T, {f"user:{U}"}),
        (f"user:{U}:*", None, {f"user:{U}"}),
        (f"user:{U}*", None, {f"user:{U}"}),
        ("user:*", None, {"class:user"}),
        ("user:22222222-*", None, {"class:user"}),
        (f"users_tenant:{T}:limit:50:offset:0:v:1", T, {"class:users_of_tenant"}),
        (f"users_tenant:{T}:*", T, {"class:users_of_tenant"}),
        (f"users_tenant:{T}:limit:5*", T, {"class:users_of_tenant"}),
        (f"workspace:{U}:tenant:{T}*", T, {f"workspace:{U}"}),
        (f"workspace_members:{U}:tenant:{T}*", T, {f"members:{U}"}),
        (f"tenant_summary:{T}*", T, {"class:tenant_summary"}),
        (f"tenant_dashboard:{T}:v:1", T, {"class:dashboard"}),
        ("tenant_*", None, {"class:tenant_summary", "class:dashboard"}),
        ("user*", None, {"class:user", "class:users_of_tenant"}),
        ("*", None, {"*"}),
    ],
)
def test_a_pattern_means_tags(pattern, tenant, tags):
    assert target_of(pattern) == Target(tenant, frozenset(tags))


@pytest.mark.parametrize(
    "pattern", ["", "users", "us*er:*", "unknown:*", "x*", f"user:{U}", f"user:{U}:tenant:{T}:v:9"]
)
def test_what_matches_no_key_is_refused(pattern):
    with pytest.raises(Invalid) as refused:
        target_of(pattern)
    assert refused.value.field == "pattern"
