"""What the sample consists of: jobs, each a chain of requests. The same set gives the same plan, always."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from web.sample import words

USERS = 200
WORKSPACES = 40


@dataclass(frozen=True, slots=True)
class Step:
    """One request. ``{id}`` in the path is the id of what the job's first step created.

    *user* is the number of the user whose id goes into the body as ``user_id``.
    """

    name: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    user: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Steps that follow one another, sent by the tenant's admin or, where *sender* names one, by that user."""

    name: str
    steps: tuple[Step, ...]
    sender: int | None = None


@dataclass(frozen=True, slots=True)
class SampleTenant:
    """A tenant: the job that creates it, then all its users' in any order, then all its workspaces'."""

    slug: str
    creation: Job
    users: tuple[Job, ...] = field(repr=False)
    workspaces: tuple[Job, ...] = field(repr=False)

    def jobs(self) -> Iterator[Job]:
        """All jobs."""
        yield self.creation
        yield from self.users
        yield from self.workspaces

    def key(self, job: Job, step: Step) -> str:
        """The Idempotency-Key of a step: the same each time, so that a load that was cut off can be run again."""
        return f"sample:{self.slug}:{job.name}:{step.name}"

    def all_keys(self) -> list[str]:
        """The keys of all steps."""
        return [self.key(job, step) for job in self.jobs() for step in job.steps]


def sample(number: int) -> list[SampleTenant]:
    """The five tenants of the sample's set *number*, counted from 1."""
    return [_tenant(company, number) for company in words.COMPANIES]


def _tenant(company: str, number: int) -> SampleTenant:
    suffix = "" if number == 1 else f" {number}"
    slug = (company + suffix).lower().replace(" ", "-")
    chance = random.Random(slug)  # noqa: S311 - Nothing here is a secret, and it has to come out the same each time.
    body = {"name": company + suffix, "slug": slug, "plan": "enterprise"}
    users = tuple(_user(each, slug, chance) for each in range(USERS))
    # Only those who are activated and stay so can be members.
    active = [each for each, job in enumerate(users) if {"activate", "deactivate"} & _names(job) == {"activate"}]
    return SampleTenant(
        slug=slug,
        creation=Job("tenant", (Step("create", "POST", "/api/v1/tenants", body),)),
        users=users,
        workspaces=tuple(_workspace(each, active, chance) for each in range(WORKSPACES)),
    )


def _user(number: int, slug: str, chance: random.Random) -> Job:
    first, last = chance.choice(words.FIRST_NAMES), chance.choice(words.LAST_NAMES)
    email = f"{_plain(first)}.{_plain(last)}.{number}@{slug}.example"
    steps = [Step("register", "POST", "/api/v1/users", {"email": email, "first_name": first, "last_name": last})]
    if number % 20 != 19:
        steps.append(Step("activate", "POST", "/api/v1/users/{id}/activate"))
        if chance.random() < 0.3:
            place = chance.randrange(len(words.TIMEZONES))
            change = {"timezone": words.TIMEZONES[place], "language": words.LANGUAGES[place]}
            steps.append(Step("update", "PATCH", "/api/v1/users/{id}", change))
        if number % 50 == 0:
            steps.append(Step("admin", "PUT", "/api/v1/users/{id}/roles/admin"))
        if number % 25 == 24:
            steps.append(Step("deactivate", "POST", "/api/v1/users/{id}/deactivate", {"reason": "Left the company"}))
    return Job(f"user-{number}", tuple(steps))


def _workspace(number: int, active: list[int], chance: random.Random) -> Job:
    subject = words.SUBJECTS[number % len(words.SUBJECTS)]
    name = f"{subject} {words.QUALIFIERS[number % len(words.QUALIFIERS)]} {number + 1}"
    owner, *members = chance.sample(active, chance.randint(3, 10))
    body = {
        "name": name,
        "description": f"Everything about {subject.lower()}",
        "is_public": chance.random() < 0.25,
        "settings": {"color": chance.choice(("blue", "green", "amber")), "rows_per_page": 50},
    }
    steps = [Step("create", "POST", "/api/v1/workspaces", body)]
    for place, member in enumerate(members):
        role = {"role": ("admin", "member", "member", "viewer")[place % 4]}
        steps.append(Step(f"member-{member}", "POST", "/api/v1/workspaces/{id}/members", role, user=member))
    return Job(f"workspace-{number}", tuple(steps), sender=owner)


def _names(job: Job) -> set[str]:
    return {step.name for step in job.steps}


def _plain(name: str) -> str:
    """A name as it may stand in an e-mail address."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
