from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lifecycle.rig import Receiver, Rig, receiving
from tests.stub import StubServer


@pytest.fixture(scope="session")
def provider() -> Iterator[StubServer]:
    """One loopback provider for the room: each rig counts what came since it was made."""
    with StubServer() as stub:
        yield stub


@pytest.fixture
def rig(provider: StubServer, tmp_path: Path) -> Iterator[Rig]:
    one = Rig(provider, tmp_path)
    yield one
    one.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one
