"""Patterns over the documented keys, understood as tags: nothing is ever searched for in Redis."""

from __future__ import annotations

import re
from typing import NamedTuple

from domain.cache.keys import KINDS, parse
from domain.cache.tags import EVERYTHING, class_of
from domain.model.errors import Invalid
from domain.model.fields import UUID_PATTERN

#: The queries about one entity, and the tag that names it.
_ENTITY_TAGS = {"user": "user:{}", "workspace": "workspace:{}", "workspace_members": "members:{}"}

_NAMES = {kind.template.partition(":")[0]: query for query, kind in KINDS.items()}
_SUBJECT = re.compile(rf"({UUID_PATTERN})(?::.*)?")
_TENANT = re.compile(rf"{UUID_PATTERN}:tenant:({UUID_PATTERN})(?::.*)?")


class Target(NamedTuple):
    """What is to be invalidated: *tags* of one tenant, or of all tenants where *tenant_id* is None."""

    tenant_id: str | None
    tags: frozenset[str]


def target_of(pattern: str) -> Target:
    """Return what covers every key that *pattern* matches: a key, or the beginning of keys and a ``*``.

    It may cover more than the pattern says, never less: a page stands for all pages of its list, and an entity for
    all answers that show it. Raises Invalid for what can't match a key.
    """
    if not pattern.endswith("*"):
        if parse(pattern) is None:
            raise Invalid(field="pattern", reason="it is neither a key nor the beginning of keys and a *")
        return _within(pattern)
    beginning = pattern[:-1]
    if "*" in beginning:
        raise Invalid(field="pattern", reason="a * may stand only at its end")
    if ":" in beginning:
        return _within(beginning)
    queries = [query for name, query in _NAMES.items() if name.startswith(beginning)]
    if not queries:
        raise Invalid(field="pattern", reason="no key begins like this")
    if len(queries) == len(_NAMES):
        return Target(None, frozenset({EVERYTHING}))
    return Target(None, frozenset(map(class_of, queries)))


def _within(beginning: str) -> Target:
    name, _, rest = beginning.partition(":")
    query = _NAMES.get(name)
    if query is None:
        raise Invalid(field="pattern", reason="no key begins like this")
    everything = frozenset({class_of(query)})
    subject = _SUBJECT.fullmatch(rest)
    if query not in _ENTITY_TAGS:
        return Target(subject[1] if subject else None, everything)
    tenant = _TENANT.fullmatch(rest)
    tags = frozenset({_ENTITY_TAGS[query].format(subject[1])}) if subject else everything
    return Target(tenant[1] if tenant else None, tags)
