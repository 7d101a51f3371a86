"""What every test takes for granted of the process that runs it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.stack.inherited import restore_for_children


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that is named after an address in memory.

    Each worker of xdist has other addresses, and the workers must collect the same tests.
    """
    named = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]{6,}", item.nodeid)]
    if named:
        raise pytest.UsageError(f"give this test an id of its own, without an address: {named[0]}")


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and the programs that they start, away from the state folder of the person who runs them."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(scope="session", autouse=True)
def _children_take_ctrl_c() -> None:
    """Let tests send Ctrl-C to what they start, also where the suite itself is a background job that ignores it."""
    restore_for_children()
