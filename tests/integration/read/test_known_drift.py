"""What has drifted stays known until it is right."""

from __future__ import annotations

import pytest

from domain.read.projections import PROJECTIONS
from domain.read.verify.repair import Repair
from domain.read.verify.verifier import Verifier
from tests.integration.read.rebuilding import House


@pytest.fixture
def verifier(house: House) -> Verifier:
    return Verifier(house.pool, house.story, PROJECTIONS)


def test_what_was_ever_found_is_counted(house: House, verifier: Verifier):
    house.execute("UPDATE read_schema.tenant_summary_projections SET total_users = 0")
    (first,) = verifier.all(["tenant_summaries"])
    (again,) = verifier.all(["tenant_summaries"])
    house.execute("UPDATE read_schema.tenant_summary_projections SET name = 'x'")
    house.rebuild("tenant_summaries")
    house.execute("UPDATE read_schema.tenant_summary_projections SET total_users = 0")
    (anew,) = verifier.all(["tenant_summaries"])

    # The same is counted once, as long as it is known.
    assert [each["drifted_ever"] for each in (first, again, anew)] == [3, 3, 6]


def test_what_has_drifted_stays_known_until_it_is_right(house: House, verifier: Verifier):
    # Given a row that is missing, as one who verified all has found
    ((tenant, workspace),) = house.execute(
        "DELETE FROM read_schema.workspace_member_projections WHERE (workspace_id, user_id) IN (SELECT workspace_id, "
        "user_id FROM read_schema.workspace_member_projections LIMIT 1) RETURNING tenant_id, workspace_id"
    )
    (found,) = verifier.all(["workspaces"])

    # When samples are verified that may look at anything
    samples = [verifier.sample(n, ["workspaces"])[0] for n in (0, 1, 1, 2)]

    # Then it is found each time, and counted once
    assert {(each["drifted"], each["drifted_ever"]) for each in (found, *samples)} == {(1, 1)}
    assert all(each["examples"] == found["examples"] for each in samples)

    # And once it was repaired the next sample says so
    Repair(house.pool, house.story, PROJECTIONS).repair("workspaces", tenant, workspace)
    assert verifier.sample(0, ["workspaces"])[0]["drifted"] == 0


def test_what_has_drifted_beyond_the_examples_is_known_until_all_is_verified_or_made_anew(
    house: House, verifier: Verifier
):
    tenant = house.story.tenant()
    for _ in range(30):
        house.story.user(tenant)
    house.project()
    house.execute("UPDATE read_schema.user_projections SET email = 'x' WHERE tenant_id = %s", tenant)
    (found,) = verifier.all(["users"])
    repair = Repair(house.pool, house.story, PROJECTIONS)
    for example in found["examples"]:
        repair.repair("users", *example["key"].values())

    assert (found["drifted"], len(found["examples"])) == (30, 20)
    assert verifier.sample(0, ["users"])[0]["drifted"] == 10
    assert verifier.all(["users"])[0]["drifted"] == 10
    house.rebuild("users")
    assert verifier.sample(0, ["users"])[0]["drifted"] == 0
