"""README.md's table of SDKs is what the tables, the locks and the contract say."""

from __future__ import annotations

from tests.architecture.tree import ROOT
from tests.providers.table import PLACE, table


def test_the_table_of_sdks_is_generated() -> None:
    """``make readme`` writes it."""
    found = PLACE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None and found[0] == table()
