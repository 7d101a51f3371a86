"""The real SDKs, asked for their vendors' own addresses, with the connection made to the loopback provider instead."""

from __future__ import annotations

import importlib
from typing import Any

from tests.stub import StubServer


def clients(stub: StubServer) -> dict[str, Any]:
    """SDK → client. The address that instrumentations see is the vendor's, for the seller is read from it."""
    made: dict[str, Any] = {}
    for name, kind, key in (("openai", "OpenAI", "sk-stub"), ("anthropic", "Anthropic", "sk-ant-stub")):
        sdk = importlib.import_module(name)
        client = sdk.DefaultHttpxClient(transport=_transport(sdk, stub))
        made[name] = getattr(sdk, kind)(api_key=key, max_retries=0, http_client=client)
    return made


def _transport(sdk: Any, stub: StubServer) -> Any:
    """The SDK's own HTTP library, of which it has changed the name in its last major."""
    library = importlib.import_module(sdk.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
    place = library.URL(stub.url)

    class Loopback(library.HTTPTransport):  # pyright: ignore[reportUntypedBaseClass]
        def handle_request(self, request: Any) -> Any:
            there = request.url
            request.url = there.copy_with(scheme=place.scheme, host=place.host, port=place.port)
            try:
                return super().handle_request(request)
            finally:
                request.url = there

    return Loopback()
