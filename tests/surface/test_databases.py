"""What is run on one database only is there, and is left out for a reason."""

from pathlib import Path

import pytest
from tests.databases import SQLITE_ONLY

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(SQLITE_ONLY))
def test_what_is_left_out_on_postgresql_is_there_and_has_a_reason(name: str) -> None:
    file, _, test = name.partition("::")
    assert (ROOT / file).exists()
    assert not test or f"def {test}" in (ROOT / file).read_text(encoding="utf-8")
    assert len(SQLITE_ONLY[name]) > 10
