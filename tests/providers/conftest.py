"""A stub with fixed ids, a meter for one SDK, and the rule that nothing of ours may have failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import genmeter
from genmeter.metering import guard
from genmeter.settings import Settings
from tests.metering.rig import Meter
from tests.stub import StubServer
from tests.stub.certificates import one_ssl_context

from .contract import Sdk

__all__ = ["one_ssl_context"]

HERE = Path(__file__).parent
Metering = Callable[..., Meter]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What an SDK warns of while it is imported or called is the SDK's."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.filterwarnings("default::RuntimeWarning"))


@pytest.fixture
def stub() -> Iterator[StubServer]:
    """A running stub that answers the same ids and times always, so that two runs can be compared."""
    with StubServer(fixed=True) as server:
        yield server


@pytest.fixture
def metering(stub: StubServer) -> Iterator[Metering]:
    """Instruments for one SDK; afterwards uninstruments, and nothing of ours may have failed."""
    guard.reset()

    def meter(sdk: Sdk, **given: Any) -> Meter:
        host = stub.url.removeprefix("http://")
        sellers = {} if sdk.seller is None else {host: sdk.seller}
        return Meter(Settings(**{"sellers": sellers, **given}))

    yield meter
    genmeter.uninstrument()
    assert dict(guard.failures) == {}
