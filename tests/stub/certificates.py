"""A fixture for the rooms whose tests make clients: the certificates of the system are read once."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_ssl_context() -> Iterator[None]:
    """Loading the certificates takes 25 ms for each client, and nothing on loopback is encrypted."""
    with pytest.MonkeyPatch.context() as patch:
        context = ssl.create_default_context()

        def once(*_: object, **__: object) -> ssl.SSLContext:
            return context

        patch.setattr(ssl, "create_default_context", once)
        yield
