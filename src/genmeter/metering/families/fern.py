"""SDKs that Fern generates (cohere): a raw client below the public one, whose answers hold their data beside the HTTP response.

The public clients keep bound copies of their own methods, made when the client is. So the raw methods are the ones to
meter: every call goes through them, also ``with_raw_response``.
"""

from __future__ import annotations

from typing import Any

from ..shapes import stream
from ..spec import Family, OpenCall, Server
from .plain import status

AWS = "cohere.aws_client"
"""The module whose hooks send a client's requests to AWS. The client's address is a fiction then."""


def server(instance: Any) -> Server:
    """The wrapper that keeps the address; AWS where its HTTP client's hooks say so."""
    wrapper = instance._client_wrapper
    http: Any = getattr(wrapper.httpx_client, "httpx_client", None)
    hooks: dict[str, list[Any]] = getattr(http, "event_hooks", {})
    aws = any(getattr(hook, "__module__", "") == AWS for hook in hooks.get("request", ()))
    return Server(wrapper, wrapper._base_url, "aws.bedrock" if aws else None)


def deliver(result: Any, call: OpenCall) -> Any:
    """A whole answer is read through the raw response; the data of a stream is the stream itself."""
    data = getattr(result, "_data", None)
    if data is None:
        return stream.deliver(result, call)
    call.read(data)
    return result


FERN = Family(server, deliver, status)
