from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_data_left(tmp_path: Path) -> Iterator[None]:
    """Delete what servers have kept, which would fill the disk as pytest keeps its folders for a while."""
    yield
    for link in tmp_path.rglob("elsewhere"):
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)
    shutil.rmtree(tmp_path)
