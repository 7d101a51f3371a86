"""A stub with fixed ids for each test, and a meter with given settings that is taken off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

import genmeter
from genmeter.metering import guard
from genmeter.settings import Settings
from tests.stub import StubServer
from tests.stub.certificates import one_ssl_context

from .rig import Meter

__all__ = ["one_ssl_context"]

MeterFactory = Callable[..., Meter]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The SDKs say of some models that they will be retired; that is not what is tested here."""
    for item in items:
        for words in ("The model", "deprecated", "The 'output_format' parameter"):
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{words}:DeprecationWarning"))


@pytest.fixture
def stub() -> Iterator[StubServer]:
    """A running stub that answers the same ids and times always, so that two runs can be compared."""
    with StubServer(fixed=True) as server:
        yield server


@pytest.fixture
def sellers(stub: StubServer) -> dict[str, str]:
    """OpenAI's prices for the stub's OpenAI paths, Groq's for Groq's, Anthropic's for all others."""
    host = stub.url.removeprefix("http://")
    return {f"{host}/v1": "openai", f"{host}/groq": "groq", host: "anthropic"}


@pytest.fixture
def meters(sellers: dict[str, str]) -> Iterator[MeterFactory]:
    """Instruments with the given settings; afterwards uninstruments, and nothing of ours may have failed."""
    guard.reset()

    def make(
        *, sampler: Any = None, resource: Any = None, views: Any = (), temporality: Any = None, **given: Any
    ) -> Meter:
        settings = Settings(**{"sellers": sellers, **given})
        extra = {} if sampler is None else {"sampler": sampler}
        return Meter(settings, resource=resource, views=views, temporality=temporality, **extra)

    yield make
    genmeter.uninstrument()
    assert dict(guard.failures) == {}


@pytest.fixture
def meter(meters: MeterFactory) -> Meter:
    """A meter with the default settings."""
    return meters()


@pytest.fixture
def client(stub: StubServer) -> Iterator[OpenAI]:
    """OpenAI's synchronous client."""
    with OpenAI(base_url=stub.openai_url, api_key="sk-stub") as made:
        yield made


@pytest.fixture
def claude(stub: StubServer) -> Iterator[Anthropic]:
    """Anthropic's synchronous client."""
    with Anthropic(base_url=stub.anthropic_url, api_key="sk-stub") as made:
        yield made
