"""Invalidating by hand: what somebody names in one of several ways, as tags of one tenant or of all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from domain.cache.keys import KINDS
from domain.cache.patterns import Target, target_of
from domain.cache.tags import EVERYTHING, class_of
from domain.cache.telling import Telling
from domain.model.errors import Invalid
from domain.model.fields import UUID_PATTERN

#: Tags about one thing, and all tags that people may name.
_OF_ONE = re.compile(rf"(?:user|name|workspace|members):({UUID_PATTERN})")
_TAG = re.compile(rf"\*|users|active_users|workspaces|summary|class:(?:{'|'.join(KINDS)})|{_OF_ONE.pattern}")

#: Tenants that are told of at once.
_CHUNK = 500


class Cleared(NamedTuple):
    """What was invalidated: *tags* of so many *tenants*, None standing for all."""

    tenants: int | None
    tags: tuple[str, ...]


class Clearing:
    """Invalidates what people name. It may be more than they said, never less."""

    def __init__(
        self, telling: Telling, tenants: Callable[[], Iterator[str]], tenant_of: Callable[[str], str | None]
    ) -> None:
        """*tenants* gives all tenants, *tenant_of* the tenant of an aggregate."""
        self._telling = telling
        self._tenants = tenants
        self._tenant_of = tenant_of

    def clear(
        self,
        *,
        tenant_id: str | None = None,
        tags: Sequence[str] = (),
        key: str | None = None,
        query: str | None = None,
        pattern: str | None = None,
    ) -> Cleared:
        """Invalidate what one of these names, within the tenant if there is one; a tenant alone is all that it has.

        *query* is a class of answers, such as users_of_tenant. Raises Invalid, RedisError, and what the database does.
        """
        given = {"tags": tags, "key": key, "class": query, "pattern": pattern}
        named = [name for name, value in given.items() if value]
        if len(named) > 1:
            raise Invalid(field=named[1], reason=f"it can't be given together with {named[0]}")
        if not named and tenant_id is None:
            raise Invalid(field="tenant_id", reason="say what: a tenant_id, tags, a key, a class or a pattern")
        target = self._target(tenant_id, tags, key, query, pattern)
        if target.tenant_id is not None and tenant_id not in (None, target.tenant_id):
            raise Invalid(field="tenant_id", reason="the key or pattern is another tenant's")
        return self._apply(target._replace(tenant_id=target.tenant_id or tenant_id))

    def _target(
        self, tenant_id: str | None, tags: Sequence[str], key: str | None, query: str | None, pattern: str | None
    ) -> Target:
        if key and key.endswith("*"):
            raise Invalid(field="key", reason="with a * it is a pattern")
        if text := key or pattern:
            return target_of(text)
        if query:
            if query not in KINDS:
                raise Invalid(field="class", reason=f"there are {', '.join(KINDS)}")
            return Target(tenant_id, frozenset({class_of(query)}))
        for tag in tags:
            if not _TAG.fullmatch(tag):
                raise Invalid(field="tags", reason=f"there is no tag like {tag[:60]!r}")
        return Target(tenant_id, frozenset(tags) or frozenset({EVERYTHING}))

    def _apply(self, target: Target) -> Cleared:
        tags = tuple(sorted(target.tags))
        everything = EVERYTHING in tags
        if everything and target.tenant_id is None:
            self._telling.renew_all()
            return Cleared(None, tags)
        told = 0
        for chunk in self._chunks(target):
            self._telling.renew({tenant_id: [] if everything else tags for tenant_id in chunk})
            told += len(chunk)
        return Cleared(None if target.tenant_id is None and not _all_of_one(tags) else told, tags)

    def _chunks(self, target: Target) -> Iterator[list[str]]:
        if target.tenant_id is not None:
            yield [target.tenant_id]
        elif _all_of_one(target.tags):
            found = {self._tenant_of(match[1]) for tag in target.tags if (match := _OF_ONE.fullmatch(tag))}
            if tenants := [tenant_id for tenant_id in found if tenant_id is not None]:
                yield tenants
        else:
            chunk: list[str] = []
            for tenant_id in self._tenants():
                chunk.append(tenant_id)
                if len(chunk) == _CHUNK:
                    yield chunk
                    chunk = []
            if chunk:
                yield chunk


def _all_of_one(tags: Sequence[str] | frozenset[str]) -> bool:
    return all(_OF_ONE.fullmatch(tag) for tag in tags)
