"""Requests in and answers out of a WSGI environment, with bounds on the bytes that are read."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final, NamedTuple

from genmeter.errors import GenmeterError

Environ = Mapping[str, Any]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
CSV = "text/csv; charset=utf-8"
_MOST_MEMBERS = 8
SMALL: Final = 1 << 20
LARGE_AT_ONCE: Final = 2
"""Bodies of more than ``SMALL`` bytes that are in memory unpacked at a time, while they are read and booked."""
_large = threading.BoundedSemaphore(LARGE_AT_ONCE)


class Refused(GenmeterError):
    """A request that is not served: the HTTP status, and what to tell the sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Answer(NamedTuple):
    """One HTTP answer; ``headers`` come on top of the ones that every answer carries."""

    status: int
    type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def as_json(document: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, JSON, json.dumps(document, ensure_ascii=False, allow_nan=False).encode())


def shown(text: str, most: int = 80) -> str:
    """A text from outside for a message or a log: clipped, with its control characters escaped."""
    return text[:most].encode("unicode_escape").decode()


def content_type(environ: Environ) -> str:
    """The request's media type without parameters."""
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


@contextmanager
def body_of(environ: Environ, most: int, most_unpacked: int) -> Generator[bytes, None, None]:
    """The body, unpacked, for the length of the block.

    A body that unpacks to more than ``SMALL`` bytes waits its turn: there are ``LARGE_AT_ONCE`` of these at a time.
    Raises ``Refused``: 413 beyond the bounds, 400 when cut or damaged, 415 for other codings.
    """
    raw = _read_raw(environ, most)
    coding = str(environ.get("HTTP_CONTENT_ENCODING", "identity")).strip().lower()
    if coding not in ("", "identity", "gzip"):
        raise Refused(415, f"content encoding {shown(coding, 40)} is not understood; send gzip or none")
    if coding == "gzip" and (small := _unpack(raw, most_unpacked, SMALL)) is not None:
        yield small
    elif coding != "gzip":
        with waited_for(raw):
            yield raw
    else:
        with _large:
            unpacked = _unpack(raw, most_unpacked, most_unpacked) or b""
            del raw
            yield unpacked


@contextmanager
def waited_for(body: bytes) -> Generator[None, None, None]:
    """A block that works on ``body``; where it is large, when its turn has come."""
    with _large if len(body) > SMALL else nullcontext():
        yield


def _read_raw(environ: Environ, most: int) -> bytes:
    source = environ["wsgi.input"]
    if environ.get("CONTENT_LENGTH"):
        length = _length(str(environ["CONTENT_LENGTH"]))
        if length > most:
            raise Refused(413, f"the body has {length} bytes and {most} are allowed; send smaller batches")
        raw = source.read(length)
        if len(raw) < length:
            raise Refused(400, "the body ended before its Content-Length")
        return raw
    if not environ.get("wsgi.input_terminated"):
        return b""
    raw = source.read(most + 1)
    if len(raw) > most:
        raise Refused(413, f"the body has more than the {most} bytes allowed; send smaller batches")
    return raw


def _length(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Refused(400, "Content-Length is not a number")
    return int(text[:20])


def _unpack(raw: bytes, most: int, enough: int) -> bytes | None:
    """The gzip body unpacked, None where it is longer than ``enough``. Raises ``Refused``, beyond ``most`` too."""
    parts: list[bytes] = []
    size = 0
    try:
        while raw:
            if len(parts) == _MOST_MEMBERS:
                raise Refused(400, f"the gzip body has more than {_MOST_MEMBERS} members")
            # wbits 31 is gzip alone; a body may be several gzip members in a row
            member = zlib.decompressobj(wbits=31)
            data = member.decompress(raw, enough - size + 1)
            size += len(data)
            if size > most:
                raise Refused(413, f"the body unpacks to more than the {most} bytes allowed; send smaller batches")
            if size > enough:
                return None
            parts.append(data)
            if not member.eof:
                raise Refused(400, "the gzip body is cut short")
            raw = member.unused_data
    except zlib.error:
        raise Refused(400, "the body is not gzip, though Content-Encoding says so") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
