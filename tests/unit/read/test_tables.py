from __future__ import annotations

import pytest

from domain.read.projections import PROJECTIONS
from domain.read.tables import RowTable

TABLES = [table for projection in PROJECTIONS for table in projection.tables]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_names_are_plain_text_which_is_what_orjson_takes_as_keys(table: RowTable) -> None:
    assert {type(name) for name in (*table.columns, *table.key)} == {str}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_key_begins_with_the_tenant_and_is_read_from_its_row(table: RowTable) -> None:
    row = {column: f"the {column}" for column in table.columns}

    assert table.key[0] == "tenant_id"
    assert table.key_of(row) == tuple(f"the {column}" for column in table.key)
    assert table.key_types == ("uuid",) * len(table.key)
