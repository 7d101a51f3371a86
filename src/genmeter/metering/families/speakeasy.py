"""SDKs that Speakeasy generates: the interactions and decisions inside google-genai.

A stream keeps the generator that reads the HTTP response, and the SDK puts generators of its own around that one: for its
errors, and to go on with a stream in a further call. So the generator is watched, and the stream stays the object that it
is. ``with_raw_response`` and ``with_streaming_response`` give a response that the app reads or parses.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import ref

from ..shapes import stream
from ..shapes.proxy import then
from ..spec import OpenCall, Server
from .stainless import deliver_raw


def server(instance: Any) -> Server:
    """The configuration that the parts of a client share."""
    config = instance.sdk_configuration
    return Server(config, config.server_url)


def deliver(result: Any, call: OpenCall) -> Any:
    """The SDK's answer itself; a raw response that is still to be read as a proxy of it."""
    if hasattr(result, "http_response"):
        return deliver_raw(result, call)
    if call.streamed and hasattr(result, "generator"):
        return watch(result, call)
    call.read(result)
    return result


def watch(made: Any, call: OpenCall) -> Any:
    """Let a call see what a stream's generator gives, and the closing of the stream."""
    call.begin()
    chunks = made.generator
    later = hasattr(chunks, "__anext__")
    reading = stream.AsyncIteration(chunks.__anext__, call) if later else stream.Iteration(chunks.__next__, call)
    made.generator = reading
    # A stream that held its own method would be a cycle, and a dropped one would end when the garbage collector comes.
    made.close = partial(_close, ref(made), call, reading)
    return made


def _close(made: ref[Any], call: OpenCall, reading: Any) -> Any:
    """Close a stream. Its reading is kept until here: one that is let go is a stream that was dropped."""
    owner: Any = made()
    return then(owner.__class__.close(owner), call.leave)
