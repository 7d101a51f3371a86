"""Asking a stream what it used: OpenAI-shaped streams report no usage unless ``include_usage`` asks for it.

The one documented exception to never changing the caller's arguments: the option goes into a copy of them, the extra
chunk that it brings is hidden, and a server that refuses it gets the caller's own call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from .spec import Endpoint, Kwargs

REFUSALS = (400, 404, 422)
UNASKED = frozenset({"openrouter", "x_ai", "perplexity", "mistral_ai"})
"""Sellers whose streams report usage to everybody: an app may read it there, so nothing may be added or hidden."""
STREAMED_RAW = ("X-Stainless-Raw-Response", "stream")
"""The header by which an app takes the response's bytes, out of which no chunk can be hidden."""

Server = tuple[str | None, int | None]


class Asking:
    """What is known of each server: whether it takes the option."""

    def __init__(self) -> None:
        self._takes: dict[Server, bool] = {}

    def arguments(self, endpoint: Endpoint, kwargs: Kwargs) -> Kwargs | None:
        """A copy of a streamed call's arguments that asks for usage, or None where it must not be asked for."""
        given: Any = kwargs.get("stream_options")
        extra: Any = kwargs.get("extra_body")
        options = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        if "include_usage" in options or (isinstance(extra, dict) and "stream_options" in extra):
            return None
        if endpoint.seller.name in UNASKED or self._takes.get(_server(endpoint)) is False or _bytes_wanted(kwargs):
            return None
        # A refused call is made again, and a generator gives its messages only once.
        if any(isinstance(value, Iterator) for value in kwargs.values()):
            return None
        return {**kwargs, "stream_options": {**options, "include_usage": True}}

    def may_be_refusal(self, endpoint: Endpoint, error: BaseException) -> bool:
        """Whether ``error`` may be about our option: servers word that in many ways or not at all.

        So any 400 is tried again without it, until the server has once taken it; that answer is the call's.
        """
        return getattr(error, "status_code", None) in REFUSALS and not self._takes.get(_server(endpoint))

    def learn(self, endpoint: Endpoint, takes: bool) -> None:
        """Remember whether the server took the option."""
        if len(self._takes) >= 1024:
            self._takes.clear()
        self._takes[_server(endpoint)] = takes


def _server(endpoint: Endpoint) -> Server:
    return endpoint.address, endpoint.port


def _bytes_wanted(kwargs: Kwargs) -> bool:
    headers: Any = kwargs.get("extra_headers")
    name, value = STREAMED_RAW
    return isinstance(headers, dict) and cast("dict[str, Any]", headers).get(name) == value
