"""A fixture for the rooms whose tests make clients: the certificates of the system are read once."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import lru_cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_ssl_context() -> Iterator[None]:
    """Loading the certificates takes 25 ms for each client, and nothing on loopback is encrypted."""
    with pytest.MonkeyPatch.context() as patch:
        # By its arguments: a test that trusts a certificate of its own gets a context that does.
        patch.setattr(ssl, "create_default_context", lru_cache(ssl.create_default_context))
        yield
