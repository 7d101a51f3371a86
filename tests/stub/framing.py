"""How an event becomes bytes: server-sent events, and AWS's binary event stream."""

from __future__ import annotations

import base64
import struct
import zlib

from .bodies import dumps
from .exchange import Event

AWS_CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def sse(event: Event) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    data = event.data if isinstance(event.data, str) else dumps(event.data)
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {data}\n\n".encode()


def aws(event: Event) -> bytes:
    """An event of Bedrock's InvokeModelWithResponseStream; one named `...Exception` becomes an exception message."""
    data = event.data if isinstance(event.data, str) else dumps(event.data)
    if event.name and event.name.endswith("Exception"):
        headers = {":message-type": "exception", ":exception-type": event.name, ":content-type": "application/json"}
        return message(headers, data.encode())
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    payload = {"bytes": base64.b64encode(data.encode()).decode(), "p": "abcdefghij"}
    return message(headers, dumps(payload).encode())


def aws_event(event: Event) -> bytes:
    """An event of Bedrock's ConverseStream: its kind stands in a header, its fields are the payload."""
    if event.name is None or event.name.endswith("Exception"):
        return aws(event)
    data = event.data if isinstance(event.data, str) else dumps(event.data)
    return message(
        {":event-type": event.name, ":content-type": "application/json", ":message-type": "event"}, data.encode()
    )


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """application/vnd.amazon.eventstream: prelude with its CRC-32, typed headers, payload, CRC-32 of all before it."""
    packed = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    head = prelude + struct.pack("!I", zlib.crc32(prelude))
    body = head + packed + payload
    return body + struct.pack("!I", zlib.crc32(body))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", _STRING, len(value)) + value
