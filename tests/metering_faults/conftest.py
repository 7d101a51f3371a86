"""One stub with fixed ids for the session, the clients, and instrumentations that are taken off again."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

import genmeter
from genmeter.metering import guard
from tests.stub import StubServer
from tests.stub.certificates import one_ssl_context

from . import inject
from .app import Clients, prepare
from .sink import Telemetry

__all__ = ["one_ssl_context"]


def pytest_configure(config: pytest.Config) -> None:
    """The marks of this folder."""
    config.addinivalue_line("markers", "launcher: starts programs with opentelemetry-instrument")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The SDKs say of some models that they will be retired; dropped streams leave sockets to the collector."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="session", autouse=True)
def frozen() -> None:
    """What was imported before the first test is no garbage of a test."""
    inject.freeze()


@pytest.fixture(scope="session")
def stub() -> Iterator[StubServer]:
    """A running stub that answers the same ids and times always, so that two runs can be compared."""
    with StubServer(fixed=True) as server:
        prepare(server)
        yield server


@pytest.fixture(scope="session")
def refusing() -> Iterator[StubServer]:
    """A stub that does not know ``stream_options``."""
    with StubServer(fixed=True) as server:
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


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """The collector runs between tests, and where a test says so.

    A dropped stream of an SDK is a cycle, whose collection closes its connection. Should the collector run while httpcore
    (1.x) holds the lock of its pool, the bare SDK waits for itself for ever; that is not what is tested here.
    """
    gc.disable()
    yield
    gc.collect()
    gc.enable()


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
