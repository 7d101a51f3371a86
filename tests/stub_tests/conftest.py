"""A stub for each test, and the real clients pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.stub import StubServer
from tests.stub.certificates import one_ssl_context

__all__ = ["one_ssl_context"]


@pytest.fixture
def stub() -> Iterator[StubServer]:
    """A running stub; the test fails if a request failed inside it unnoticed."""
    with StubServer() as server:
        yield server


@pytest.fixture
def openai_client(stub: StubServer) -> Iterator[OpenAI]:
    """OpenAI's synchronous client, retries as by default."""
    with OpenAI(base_url=stub.openai_url, api_key="sk-stub") as client:
        yield client


@pytest.fixture
def anthropic_client(stub: StubServer) -> Iterator[Anthropic]:
    """Anthropic's synchronous client, retries as by default."""
    with Anthropic(base_url=stub.anthropic_url, api_key="sk-stub") as client:
        yield client
