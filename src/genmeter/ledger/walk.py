"""Protobuf messages walked through without being built.

A message of two bytes costs 40 to 100 once it is built, so the parts of a request are counted before. The walk stops at
the first part too many: its time and memory are bounded by the limit, not by the request.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

from genmeter.ledger.errors import BadPayload, TooLarge
from genmeter.ledger.limits import DEPTH

_DAMAGED: Final = "the body is not protobuf: a field of it has no end"


class Allowance:
    """How many parts a request may have still; ``what`` they are, for the message."""

    def __init__(self, most: int, what: str) -> None:
        self.most = self.left = most
        self._what = what

    def take(self, parts: int = 1) -> None:
        """Count some. Raises ``TooLarge``."""
        self.left -= parts
        if self.left < 0:
            raise TooLarge(f"the request has more than {self.most:,} {self._what}; send smaller batches")

    @property
    def taken(self) -> int:
        """How many were counted."""
        return self.most - self.left


def parts(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, begin and end of each length-delimited field of the message in ``data[start:end]``; the others are skipped.

    The fourth number is the place of the field's tag. Raises ``BadPayload``.
    """
    at = start
    while at < end:
        head = at
        # nearly all tags are one byte, and most sizes: a call for each would take half of the time
        tag = data[at]
        tag, at = (tag, at + 1) if tag < 128 else _varint(data, at, end)
        kind = tag & 7
        if kind == 2:
            size, at = (data[at], at + 1) if at < end and data[at] < 128 else _varint(data, at, end)
            if size > end - at:
                raise BadPayload(_DAMAGED)
            yield tag >> 3, at, at + size, head
            at += size
        elif kind == 0:
            _, at = _varint(data, at, end)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise BadPayload("the body is not OTLP: protobuf groups are no part of it")
    if at != end:
        raise BadPayload(_DAMAGED)


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise BadPayload(_DAMAGED)


def without(data: bytes, start: int, end: int, read: Container[int], allowance: Allowance) -> bytes:
    """The message in ``data[start:end]`` without its length-delimited fields whose number is not in ``read``.

    Raises ``TooLarge`` beyond the allowance of fields, and ``BadPayload``.
    """
    kept: list[bytes] = []
    for number, _, stop, head in parts(data, start, end):
        allowance.take()
        if number not in read:
            kept.append(data[start:head])
            start = stop
    kept.append(data[start:end])
    return b"".join(kept)


Shape = Mapping[int, Any]
"""Field number → the shape of its message; an empty one is not looked into."""

_VALUE: dict[int, Any] = {}
_PAIR: Final[Shape] = {2: _VALUE}
# an AnyValue is an array of values (5) or a list of pairs (6): the shape holds itself
_VALUE.update({5: {1: _VALUE}, 6: {1: _PAIR}})
_EXEMPLAR: Final[Shape] = {7: _PAIR}
_NUMBERS: Final[Shape] = {1: {7: _PAIR, 5: _EXEMPLAR}}
_METRIC: Final[Shape] = {
    5: _NUMBERS,
    7: _NUMBERS,
    9: {1: {9: _PAIR, 8: _EXEMPLAR}},
    10: {1: {1: _PAIR, 11: _EXEMPLAR}},
    11: {1: {7: _PAIR}},
    12: _PAIR,
}
_SCOPE: Final[Shape] = {3: _PAIR}
METRICS: Final[Shape] = {1: {1: {1: _PAIR}, 2: {1: _SCOPE, 2: _METRIC}}}
"""An ``ExportMetricsServiceRequest``, down to the values of attributes."""


def count(data: bytes, shape: Shape, allowance: Allowance) -> None:
    """Count the messages in ``data``. Raises ``TooLarge`` beyond the allowance and the depth, and ``BadPayload``."""
    waiting: list[tuple[int, int, Shape, int]] = [(0, len(data), shape, 0)]
    while waiting:
        start, end, inside, depth = waiting.pop()
        if depth > 2 * DEPTH + 8:
            raise TooLarge(f"an attribute of the request is nested deeper than {DEPTH}")
        for number, begin, stop, _ in parts(data, start, end):
            allowance.take()
            if within := inside.get(number):
                waiting.append((begin, stop, within, depth + 1))
