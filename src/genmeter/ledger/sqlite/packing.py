"""Ids in half of their bytes: an id in hex, or a UUID, is kept as the bytes that it stands for, and reads as it did.

``unpacked`` is the way back, as SQL without functions of ours: any SQLite program can read the view ``calls``.
"""

from __future__ import annotations

import re
from typing import Final
from zlib import crc32

_HEAD: Final = re.compile(r"(?=[a-z]*[g-z])[a-z]{2,9}[-_]")
"""What a seller writes before each of its ids, such as ``chatcmpl-``: letters, one of them no digit of hex."""
_SHORTEST, _LONGEST, _UUID = 16, 64, 36
IDS: Final = {
    **dict.fromkeys(
        ("entries", "folded", "adjustments"), ("trace_id", "span_id", "parent_span_id", "session", "response_id")
    ),
    "sessions": ("session",),
}
"""Table → its columns whose texts are ``packed`` in SQLite."""


def packed(text: str | None) -> bytes | str | None:
    """The bytes of an id in lower-case hex; those of a UUID with a zero behind them; any other text as it is.

    >>> packed("00f067aa0ba902b7").hex(), packed("Z-17"), len(packed("0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098"))
    ('00f067aa0ba902b7', 'Z-17', 17)
    """
    if text is None:
        return None
    size = len(text)
    if size == _UUID and text[8] == "-":
        return _uuid(text)
    # 34 digits would be as long as a UUID with its zero
    if size & 1 or not _SHORTEST <= size <= _LONGEST or size == _UUID - 2:
        return text
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return text
    # capitals and spaces are read, too
    return found if found.hex() == text else text


def _uuid(text: str) -> bytes | str:
    digits = text.replace("-", "")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        return text
    alike = len(digits) == 32 and text[8] == text[13] == text[18] == text[23] == "-" and found.hex() == digits
    return found + b"\0" if alike else text


def unpacked(column: str) -> str:
    """SQL for the text that was ``packed`` into ``column``."""
    digits = f"lower(hex({column}))"
    places = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    uuid = " || '-' || ".join(f"substr({digits}, {start}, {size})" for start, size in places)
    return (
        f"CASE WHEN typeof({column}) <> 'blob' THEN {column} WHEN length({column}) = 17 THEN {uuid} ELSE {digits} END"
    )


def split_response(text: str | None) -> tuple[str | None, bytes | str | None]:
    """A response id as what its seller writes before each id, and the rest, packed.

    >>> split_response("msg_01Xy"), split_response(None)
    (('msg_', '01Xy'), (None, None))
    """
    found = _HEAD.match(text) if text is not None else None
    if text is None or found is None:
        return None, packed(text)
    return found[0], packed(text[found.end() :])


def response_head(text: str | None) -> str | None:
    """The first part of ``split_response``."""
    return split_response(text)[0]


def response_rest(text: str | None) -> bytes | str | None:
    """The second part of ``split_response``."""
    return split_response(text)[1]


def response_mark(text: str | None) -> int | None:
    """Four bytes by which an id is looked for; another id may have the same.

    >>> response_mark("resp-1") == response_mark("resp-1"), response_mark(None)
    (True, None)
    """
    return None if text is None else crc32(text.encode("utf-8", "surrogatepass")) - 2**31


def unpacked_text(value: bytes | str | None) -> str | None:
    """The text that was ``packed``.

    >>> unpacked_text(packed("00f067aa0ba902b7")), unpacked_text("Z-17")
    ('00f067aa0ba902b7', 'Z-17')
    """
    if not isinstance(value, bytes):
        return value
    digits = value.hex()
    if len(value) != 17:
        return digits
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
