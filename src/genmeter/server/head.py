"""The head of an HTTP/1.1 request, read strictly (RFC 9112).

A head that two readers can understand in two ways lets a request hide inside another one: conflicting lengths, a bare
line feed, a folded field. Each is refused with 400, and its connection is closed.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from genmeter.errors import GenmeterError

MOST_FIELDS: Final = 100
_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (/[\x21-\x7e]*|\*) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_OTHER_VERSION = re.compile(rb"[!-~]+ [!-~]+ HTTP/\d\.\d")
_BARE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_LENGTH = re.compile(r"[0-9]{1,18}")
_ONCE: Final = frozenset(
    {"authorization", "content-encoding", "content-length", "content-type", "host", "origin", "transfer-encoding"}
)
"""Fields that decide something. A request in which one of them stands twice is refused."""


class BadRequest(GenmeterError):
    """A request that is no HTTP, or more of it than is read: the status, and what to tell the sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Head(NamedTuple):
    """The head of a request. ``fields`` has lower-case names; ``length`` is None for a body in chunks."""

    method: str
    target: str
    fields: dict[str, str]
    length: int | None
    keeps: bool
    """Whether the sender wants to send another request on this connection."""

    @property
    def waits(self) -> bool:
        """Whether the sender sends its body only after it is told to go on."""
        return self.fields.get("expect", "").lower() == "100-continue" and self.length != 0


def check_ends(received: bytes | bytearray) -> None:
    """Raise ``BadRequest`` for a line end that is not CR LF: such a head would never be seen to end."""
    if _BARE_END.search(received):
        raise BadRequest(400, "each line of a request's head ends with CR LF")


def parse(raw: bytes) -> Head:
    """The head in ``raw``, which ends before the empty line. Raises ``BadRequest``."""
    check_ends(raw)
    first, *lines = raw.split(b"\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        if _OTHER_VERSION.fullmatch(first) and not first.endswith((b"HTTP/1.0", b"HTTP/1.1")):
            raise BadRequest(505, "this server speaks HTTP/1.1")
        raise BadRequest(400, "the first line is no HTTP request to a path")
    fields = _fields(lines)
    modern = request[3] == b"1"
    if modern and "host" not in fields:
        raise BadRequest(400, "an HTTP/1.1 request names its Host")
    wishes = [word.strip() for word in fields.get("connection", "").lower().split(",")]
    keeps = "close" not in wishes if modern else "keep-alive" in wishes
    return Head(request[1].decode(), request[2].decode(), fields, _length(fields, modern), keeps)


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MOST_FIELDS:
        raise BadRequest(431, f"the head has more than the {MOST_FIELDS} fields allowed")
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadRequest(400, "a header line is no field: name, colon, value, on one line")
        name, value = found[1].decode().lower(), found[2].decode("latin-1").rstrip(" \t")
        if name in fields:
            if name in _ONCE:
                raise BadRequest(400, f"the header {name} stands twice")
            value = f"{fields[name]}, {value}"
        fields[name] = value
    return fields


def _length(fields: dict[str, str], modern: bool) -> int | None:
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if coding is not None:
        if length is not None or not modern:
            raise BadRequest(400, "Transfer-Encoding stands beside Content-Length, or in HTTP/1.0")
        if coding.lower() != "chunked":
            raise BadRequest(501, "the only transfer coding that is understood is chunked")
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise BadRequest(400, "Content-Length is not a number")
    return int(length)
