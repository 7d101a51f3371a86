"""One stub with fixed ids for the session, the clients, and instrumentations that are taken off again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import genmeter
from genmeter.instrument import guard
from tests.stub import StubServer, exchange

from .app import Clients, prepare
from .sink import Telemetry


def pytest_configure(config: pytest.Config) -> None:
    """The marks of this folder."""
    config.addinivalue_line("markers", "launcher: starts programs with opentelemetry-instrument")
    config.addinivalue_line("markers", "peer: needs another vendor's instrumentation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The SDKs say of some models that they will be retired; dropped streams leave sockets to the collector."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="session")
def stub() -> Iterator[StubServer]:
    """A running stub that answers the same ids and times always, so that two runs can be compared."""
    with pytest.MonkeyPatch.context() as patch, StubServer() as server:
        patch.setattr(exchange, "secrets", SimpleNamespace(token_hex=lambda _: "0123456789abcdef01234567"))
        patch.setattr(exchange.Call, "created", 1_763_000_000)
        prepare(server)
        yield server


@pytest.fixture(scope="session")
def refusing() -> Iterator[StubServer]:
    """A stub that does not know ``stream_options``."""
    with pytest.MonkeyPatch.context() as patch, StubServer() as server:
        patch.setattr(exchange, "secrets", SimpleNamespace(token_hex=lambda _: "0123456789abcdef01234567"))
        patch.setattr(exchange.Call, "created", 1_763_000_000)
        server.refuse_stream_options()
        prepare(server)
        yield server


@pytest.fixture(scope="session")
def clients(stub: StubServer) -> Clients:
    """The real clients."""
    return Clients(stub)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop, so that the async clients keep their connections."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def telemetry() -> Telemetry:
    """The user's SDK, with exporters in memory."""
    return Telemetry()


@pytest.fixture(autouse=True)
def taken_off() -> Iterator[None]:
    """Whatever a test has put on is taken off."""
    guard.reset()
    yield
    genmeter.uninstrument()
    guard.reset()
