"""Names that come from outside genmeter: any value that has a sensible text becomes that text, cleaned and bounded."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from numbers import Complex, Number, Real
from typing import Any, Final

LONGEST: Final = 256
"""Characters of a name. A name is kept for each call, each series and each row of the ledger."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIGEST: Final = 32
_MISSING: Final = frozenset({"nan", "snan", "nat", "none", "null", "inf", "infinity", "true", "false"})
"""The texts of values that name nothing, as data frames and proxies have them."""


def name_of(value: object, *, whole: bool = False) -> str | None:
    """The text of a value that names something; None for None and for a text without a letter.

    Control characters become one blank, lone surrogates their escapes, and 256 characters are the most. ``whole`` keeps
    two long texts apart: the end of the longer text is a digest of all of it then.

    >>> name_of(7), name_of(b"ada"), name_of("  ")
    ('7', 'ada', None)

    Raises:
        TypeError: the value has no text that could be a name. The message names the type and not the value.
    """
    if value is None:
        return None
    text = value.strip() if type(value) is str else _text(value).strip()
    if not text.isprintable():
        text = _CONTROL.sub(" ", text).encode("utf-8", "backslashreplace").decode().strip()
    if len(text) > LONGEST:
        text = _digested(text) if whole else text[:LONGEST].strip()
    return text or None


def bounded(text: str, most: int = LONGEST) -> str:
    """A text that a server or an SDK gives, at most ``most`` characters long and without lone surrogates.

    >>> bounded("gpt-5.4-mini"), bounded("x" * 300) == "x" * 256
    ('gpt-5.4-mini', True)
    """
    plain = text if type(text) is str else str.__str__(text)
    plain = plain if len(plain) <= most else plain[:most]
    return plain if plain.isascii() else plain.encode("utf-8", "backslashreplace").decode()


def _digested(text: str) -> str:
    return f"{text[: LONGEST - _DIGEST - 1]}~{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"


def _text(value: object) -> str:
    kind: Any = type(value)
    if issubclass(kind, Enum):
        # before str and int: the text of a member that is also one of these names its class
        return _text(value.value)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    if issubclass(kind, str):
        return str.__str__(value)  # pyright: ignore[reportArgumentType]
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return _decoded(value)
    if not _has_text(kind):
        raise TypeError(_refusal(kind))
    try:
        text = str.__str__(str(value))
    except Exception:  # the object's own code; and whole numbers of thousands of digits
        raise TypeError(_refusal(kind)) from None
    # "<Mock id=1>" tells the object and not what it stands for; "****" is a secret that hides itself
    if text.startswith("<") or text.lstrip("+-").lower() in _MISSING or not any(map(str.isalnum, text)):
        raise TypeError(_refusal(kind))
    return text


def _has_text(kind: Any) -> bool:
    """Whether the objects of a class write a text of their own, and are no collection."""
    if kind is bool:
        return False
    if issubclass(kind, Number):
        return issubclass(kind, Real) or not issubclass(kind, Complex)
    # A lazy text of Django's has the methods of a text, and is no collection.
    collection = hasattr(kind, "__iter__") and not hasattr(kind, "encode")
    return kind.__str__ is not object.__str__ and not collection


def _decoded(value: Any) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise TypeError("these bytes are no UTF-8; give a string, for example the bytes in hex") from None


def _refusal(kind: Any) -> str:
    return f"a value of type {kind.__module__}.{kind.__qualname__} has no text that is a name; give a string"
