"""What every test takes for granted of the process that runs it."""

from __future__ import annotations

import pytest

from tests.stack.inherited import restore_for_children


@pytest.fixture(scope="session", autouse=True)
def _children_take_ctrl_c() -> None:
    """Let tests send Ctrl-C to what they start, also where the suite itself is a background job that ignores it."""
    restore_for_children()
