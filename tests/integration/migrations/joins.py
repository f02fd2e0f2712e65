"""Which relations a statement joins without the column that its schema is distributed by.

A database that distributes each table by that column can join rows only where they lie together: where the column is
the same in all that is joined, or is held against the same value in each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType
from pglast.stream import RawStream

#: What each schema is distributed by. The schemas of rebuilds have the tables of read_schema.
KEYS = {"write_schema": "shard", "read_schema": "tenant_id"}

#: Places at which relations may lie together, by their names: a value, or the column of another relation.
Sides = tuple[str, str]


def separate_joins(sql: str, distributed: Mapping[str, str]) -> list[str]:
    """Return each join in *sql* of what does not lie together. *distributed*: table → the column it is distributed by,
    for ``schema.table`` in the schemas that KEYS names."""
    found: list[str] = []
    for raw in parse_sql(sql):
        statement = raw.stmt.query if isinstance(raw.stmt, ast.PrepareStmt) else raw.stmt
        _Query(statement, distributed, {}, None, found)
    return found


@dataclass
class _Relation:
    """One that is joined: *key* is its distribution column, None where it lies everywhere."""

    name: str
    key: str | None
    pinned: set[str] = field(default_factory=set)


class _Query:
    """One level of a statement: what stands in its FROM, and in the queries within it."""

    def __init__(
        self,
        node: Any,
        distributed: Mapping[str, str],
        named: Mapping[str, _Relation],
        outer: _Query | None,
        found: list[str],
    ) -> None:
        self.distributed, self.named, self.outer, self.found = distributed, dict(named), outer, found
        self.relations: list[_Relation] = []
        self.equal: list[tuple[Sides, Sides]] = []
        self.within: list[tuple[_Relation, Any]] = []
        for each in _listed(getattr(node, "withClause", None) and node.withClause.ctes):
            if node.withClause.recursive:
                self.named[each.ctename] = _Relation(each.ctename, None)
            inner = _Query(each.ctequery, distributed, self.named, None, found)
            self.named[each.ctename] = inner.as_relation(each.ctename)
        if isinstance(node, ast.SelectStmt) and node.op:
            for side in (node.larg, node.rarg):
                if side is not None:
                    inner = _Query(side, distributed, self.named, outer, found)
                    self.relations.append(inner.as_relation(f"side {len(self.relations)}"))
            return
        own = getattr(node, "relation", None)
        if isinstance(own, ast.RangeVar) and not isinstance(node, ast.InsertStmt):
            self._from(own)
        for each in (*_listed(getattr(node, "fromClause", None)), *_listed(getattr(node, "usingClause", None))):
            self._from(each)
        if isinstance(node, ast.InsertStmt) and node.selectStmt is not None:
            _Query(node.selectStmt, distributed, self.named, None, found)
        self._condition(getattr(node, "whereClause", None))
        # These may speak of what stands beside them, so they are looked at when that is known.
        for relation, query in self.within:
            inner = _Query(query, distributed, self.named, self, found).as_relation(relation.name)
            relation.key, relation.pinned = inner.key, inner.pinned
        for child in ("targetList", "whereClause", "valuesLists"):
            self._queries_in(getattr(node, child, None))
        self._judge(node)

    def as_relation(self, name: str) -> _Relation:
        """What this query is to the one around it."""
        keyed = [relation for relation in self.relations if relation.key]
        pinned = set.intersection(*(self._pinned(relation) for relation in keyed)) if keyed else set()
        return _Relation(name, keyed[0].key if keyed else None, pinned)

    def _from(self, node: Any) -> None:
        if isinstance(node, ast.JoinExpr):
            before = len(self.relations)
            self._from(node.larg)
            middle = len(self.relations)
            self._from(node.rarg)
            for column in (each.sval for each in node.usingClause or ()):
                left, right = self.relations[before:middle], self.relations[middle:]
                self.equal += [((a.name, column), (b.name, column)) for a in left for b in right]
            self._condition(node.quals)
            self._queries_in(node.quals)
        elif isinstance(node, ast.RangeVar):
            name = node.alias.aliasname if node.alias else node.relname
            if node.schemaname is None and node.relname in self.named:
                known = self.named[node.relname]
                self.relations.append(_Relation(name, known.key, set(known.pinned)))
            else:
                schema = next((each for each in KEYS if (node.schemaname or "").startswith(each)), None)
                self.relations.append(_Relation(name, self.distributed.get(f"{schema}.{node.relname}")))
        elif isinstance(node, ast.RangeSubselect):
            self.relations.append(_Relation(node.alias.aliasname if node.alias else "subselect", None))
            self.within.append((self.relations[-1], node.subquery))
        else:
            self.relations.append(_Relation(node.alias.aliasname if getattr(node, "alias", None) else "function", None))

    def _condition(self, node: Any) -> None:
        """Take in what holds wherever the condition does."""
        if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
            for each in node.args:
                self._condition(each)
        elif isinstance(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP and node.name[-1].sval == "=":
            self.equal.append((self._side(node.lexpr), self._side(node.rexpr)))

    def _side(self, node: Any) -> Sides:
        """A column of a relation of this query or of one around it, or a value."""
        if isinstance(node, ast.ColumnRef):
            *qualifier, column = (getattr(each, "sval", "*") for each in node.fields)
            if qualifier:
                return (qualifier[-1], column)
            keyed = [relation.name for relation in self.relations if relation.key == column]
            if len(keyed) == 1:
                return (keyed[0], column)
        return ("", RawStream()(node))

    def _queries_in(self, node: Any) -> None:
        for each in _subqueries(node):
            _Query(each, self.distributed, self.named, self, self.found)

    def _pinned(self, relation: _Relation) -> set[str]:
        """The values that the relation's key is held against, directly or by way of another column."""
        reached = {(relation.name, relation.key or "")}
        while True:
            more = {b for pair in self.equal for a, b in (pair, pair[::-1]) if a in reached and b not in reached}
            if not more:
                break
            reached |= more
        values = {text for name, text in reached if not name} | relation.pinned
        for place in (self, *self._outside()):
            for other in place.relations:
                if (other.name, other.key) in reached:
                    values |= {f"{other.name}.{other.key}", *other.pinned}
                    values |= place._pinned(other) if place is not self else set()
        return values

    def _outside(self) -> Iterator[_Query]:
        if self.outer is not None:
            yield self.outer
            yield from self.outer._outside()

    def _judge(self, node: Any) -> None:
        here = [relation for relation in self.relations if relation.key]
        # A query within another one is joined to what stands around it.
        around = [relation for relation in (self.outer.relations if self.outer else ()) if relation.key]
        if not here or len(here) + len(around) < 2:
            return
        places = [self._pinned(relation) for relation in here]
        places += [self.outer._pinned(relation) for relation in around[:1] if self.outer]
        common = set.intersection(*places)
        if not common:
            self.found.append(RawStream()(node))


def _listed(nodes: Any) -> tuple[Any, ...]:
    return tuple(nodes or ())


def _subqueries(node: Any) -> Iterator[Any]:
    """The queries that stand in an expression, not those within them."""
    if isinstance(node, ast.SubLink):
        yield node.subselect
        yield from _subqueries(node.testexpr)
    elif isinstance(node, (tuple, list)):
        for each in node:
            yield from _subqueries(each)
    elif isinstance(node, ast.Node) and not isinstance(node, ast.SelectStmt):
        for name in node:
            yield from _subqueries(getattr(node, name))
