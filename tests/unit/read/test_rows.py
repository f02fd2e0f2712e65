from __future__ import annotations

from collections.abc import Iterable

import pytest

from domain.read import schema
from domain.read.memory_rows import MemoryRowStore
from domain.read.rows import RowMissing, RowNotLoaded, Rows
from domain.read.tables import Key, Row, RowTable

MEMBERS = RowTable(schema.workspace_members)
ADA, GRACE = ("t", "w", "ada"), ("t", "w", "grace")


def member(key: tuple[str, str, str], role: str = "member") -> Row:
    return dict(zip(MEMBERS.key, key, strict=True)) | {"role": role}


@pytest.fixture
def store() -> MemoryRowStore:
    """A workspace with two members."""
    store = MemoryRowStore()
    rows = Rows()
    rows.load(store, {MEMBERS: {ADA, GRACE}})
    for key in (ADA, GRACE):
        rows.put(MEMBERS, member(key))
    store.write(rows)
    return store


def loaded(store: MemoryRowStore, *keys: tuple[str, ...]) -> Rows:
    rows = Rows()
    rows.load(store, {MEMBERS: set(keys)})
    return rows


def test_rows_that_were_only_read_are_not_written(store: MemoryRowStore) -> None:
    rows = loaded(store, ADA)

    assert rows.get(MEMBERS, ADA) is not None
    assert not rows.changed()
    assert not rows.removed()


def test_a_row_that_is_not_there_is_none(store: MemoryRowStore) -> None:
    assert loaded(store, ("t", "w", "mary")).get(MEMBERS, ("t", "w", "mary")) is None


def test_a_row_that_was_not_asked_for_can_be_neither_read_nor_written(store: MemoryRowStore) -> None:
    rows = loaded(store, ADA)

    with pytest.raises(RowNotLoaded):
        rows.get(MEMBERS, GRACE)
    with pytest.raises(RowNotLoaded):
        rows.put(MEMBERS, member(GRACE))
    with pytest.raises(RowNotLoaded):
        rows.remove_all(MEMBERS, ("t", "w"))


class Asked(MemoryRowStore):
    """A store that remembers for which keys it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Key] = []

    def load(self, table: RowTable, keys: Iterable[Key]) -> list[Row]:
        keys = list(keys)
        self.keys += keys
        return super().load(table, keys)


def test_a_row_is_loaded_once() -> None:
    store, rows = Asked(), Rows()

    for wanted in ({ADA}, {ADA, GRACE}, {("t", "w")}, {ADA, ("t", "w"), ("t", "w", "mary")}):
        rows.load(store, {MEMBERS: wanted})

    assert store.keys == [ADA, GRACE, ("t", "w")]


def test_what_is_loaded_later_leaves_alone_what_was_changed_or_removed_before(store: MemoryRowStore) -> None:
    rows = loaded(store, ADA, GRACE)
    rows.change(MEMBERS, ADA).update(role="owner")
    rows.remove(MEMBERS, GRACE)

    rows.load(store, {MEMBERS: {ADA, GRACE, ("t", "w"), ("t", "w", "mary")}})

    assert [row["role"] for row in rows.changed()[MEMBERS]] == ["owner"]
    assert rows.get(MEMBERS, GRACE) is None
    assert len(rows) == 1
    assert rows.removed() == {MEMBERS: [GRACE]}


def test_a_row_that_is_not_there_can_be_neither_changed_nor_removed(store: MemoryRowStore) -> None:
    rows = loaded(store, ("t", "w", "mary"))

    with pytest.raises(RowMissing):
        rows.change(MEMBERS, ("t", "w", "mary"))
    with pytest.raises(RowMissing):
        rows.remove(MEMBERS, ("t", "w", "mary"))


def test_a_changed_row_is_written_once(store: MemoryRowStore) -> None:
    rows = loaded(store, ADA)

    rows.change(MEMBERS, ADA)["role"] = "viewer"
    rows.change(MEMBERS, ADA)["role"] = "admin"

    assert [row["role"] for row in rows.changed()[MEMBERS]] == ["admin"]


def test_a_row_that_is_removed_and_put_again_is_written_and_not_deleted(store: MemoryRowStore) -> None:
    rows = loaded(store, ADA)

    rows.remove(MEMBERS, ADA)
    rows.put(MEMBERS, member(ADA, "viewer"))

    assert not rows.removed()
    assert [row["role"] for row in rows.changed()[MEMBERS]] == ["viewer"]


def test_a_row_that_is_put_and_removed_is_not_written(store: MemoryRowStore) -> None:
    rows = loaded(store, ("t", "w", "mary"))

    rows.put(MEMBERS, member(("t", "w", "mary")))
    rows.remove(MEMBERS, ("t", "w", "mary"))

    assert not rows.changed()


def test_a_prefix_loads_all_rows_below_it_and_lets_them_be_removed_together(store: MemoryRowStore) -> None:
    rows = loaded(store, ("t", "w"))
    rows.put(MEMBERS, member(("t", "w", "mary")))

    rows.remove_all(MEMBERS, ("t", "w"))
    store.write(rows)

    assert store.tables[MEMBERS.name] == {}


def test_a_row_in_the_store_does_not_change_before_it_is_written(store: MemoryRowStore) -> None:
    rows = loaded(store, ADA)

    rows.change(MEMBERS, ADA)["role"] = "admin"

    assert store.tables[MEMBERS.name][ADA]["role"] == "member"
