"""What the descriptions of SDKs that Stainless generates have in common: the forms of a chat, and the types of refusals."""

from __future__ import annotations

from .contract import At, Call, Expected, parsed

ERRORS = {400: "invalid_request_error", 429: "rate_limit_exceeded", 503: "server_error"}
"""HTTP status of a refusal of the stub's OpenAI → ``error.type``."""


def raw(at: At) -> At:
    """The same call by ``with_raw_response``, whose answer the app parses."""
    owner, _, method = at.path.rpartition(".")
    return at.but(path=f"{owner}.with_raw_response.{method}", take=parsed)


def chat(expected: Expected, at: At, wire: str = "/chat/completions") -> Call:
    """A chat in all its forms: whole and streamed, each of them raw, too."""
    values, streams = {"value": at, "raw": raw(at)}, at.but(stream=True)
    return Call("chat", wire, expected, values, {"stream": streams, "raw_stream": raw(streams)}, messages="messages")
