"""Clients that botocore makes (boto3, aiobotocore): one method for all operations, answers and errors that are mappings.

The class of a client is made anew for every client, and each of its methods calls ``_make_api_call(operation, params)``.
A streamed answer is a mapping that holds its stream under ``stream`` or ``body``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..shapes.stream import AsyncStream, Stream, deliver
from ..spec import Family, OpenCall, Server

KEYS = ("stream", "body")


def server_of(service: str) -> Callable[[Any], Server | None]:
    """Where a client of ``service`` sends its calls; None for a client of any other service."""

    def server(client: Any) -> Server | None:
        meta = client.meta
        return Server(meta, meta.endpoint_url) if meta.service_model.service_name == service else None

    return server


def status(error: BaseException) -> int | None:
    """``ClientError.response``: the status stands in the metadata."""
    response: Any = getattr(error, "response", {})
    try:
        return int(response["ResponseMetadata"]["HTTPStatusCode"])
    except (KeyError, TypeError, ValueError):
        return None


def deliver_mapping(result: Any, call: OpenCall) -> Any:
    """The mapping itself, with its stream, if there is one, replaced by a proxy of it."""
    key = next((key for key in KEYS if key in result), None) if call.streamed else None
    if key is None:
        return deliver(result, call)
    call.begin()
    call.head(result)
    stream = result[key]
    result[key] = AsyncStream(stream, call) if hasattr(stream, "__aiter__") else Stream(stream, call)
    return result


BOTOCORE = Family(lambda client: None, deliver_mapping, status)
