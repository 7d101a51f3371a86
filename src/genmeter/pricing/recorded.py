"""A call as telemetry recorded it: span attributes by name → the question that the catalogue answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import NamedTuple

from genmeter import names
from genmeter.model import Seller, Usage
from genmeter.pricing.catalogue import Catalogue

_FIELDS = {field.name for field in fields(Usage)}
_EXCLUSIVE = ("anthropic", "aws")
"""Sellers whose own counts leave cache reads and writes out of the input; other conventions cannot be told apart."""

_DEFAULTS = ("openai", "anthropic")
"""Names that instrumentations write for any server that their SDK talks to, a company's gateway included."""

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


class Question(NamedTuple):
    """The arguments of ``Catalogue.price``. ``repaired``: the recorder had left the cache out of the input count."""

    seller: Seller | None
    request_model: str | None
    response_model: str | None
    usage: Usage | None
    service_tier: str | None
    batch: bool
    region: str | None
    partial: bool
    repaired: bool


def question(
    attributes: Mapping[str, object], catalogue: Catalogue, at_address: Callable[[str, int | None], Seller | None]
) -> Question:
    """What the attributes of one inference span or event ask. ``at_address`` says who bills at a host and port.

    Raises:
        ValueError: an attribute holds what it cannot hold; the message names it.
    """
    seller = _seller(attributes, catalogue, at_address)
    usage = _usage(attributes)
    repaired = usage is not None and seller is not None and seller.id in _EXCLUSIVE and _repair(usage)
    return Question(
        seller,
        _text(attributes, names.REQUEST_MODEL),
        _text(attributes, names.RESPONSE_MODEL),
        usage,
        _text(attributes, names.OPENAI_RESPONSE_TIER) or _text(attributes, names.SERVICE_TIER),
        _flag(attributes, names.BATCH),
        _text(attributes, names.REGION) or (seller.region if seller else None),
        _text(attributes, names.STREAM_CUT) is not None,
        repaired,
    )


def _seller(
    attributes: Mapping[str, object], catalogue: Catalogue, at_address: Callable[[str, int | None], Seller | None]
) -> Seller | None:
    """By the address, where the record has one: most instrumentations name the SDK's own vendor wherever it talks to."""
    name, address = _text(attributes, names.PROVIDER), _text(attributes, names.SERVER_ADDRESS)
    port = _count(attributes, names.SERVER_PORT) if names.SERVER_PORT in attributes else None
    named = catalogue.named(name) if name else None
    if address is None:
        return named
    return at_address(address, port) or (named if named is not None and named.name not in _DEFAULTS else None)


def _usage(attributes: Mapping[str, object]) -> Usage | None:
    counts = {field: _count(attributes, name) for field, name in names.USAGE_TOKENS.items() if name in attributes}
    if not counts:
        return None
    usage = Usage()
    for field, count in counts.items():
        if field in _FIELDS and count is not None:
            setattr(usage, field, count)
    return usage


def _repair(usage: Usage) -> bool:
    apart = usage.cache_read + usage.cache_write
    if usage.input is None or apart <= usage.input:
        return False
    usage.input += apart
    return True


def _text(attributes: Mapping[str, object], name: str) -> str | None:
    value = attributes.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; it must be text")
    return value


def _count(attributes: Mapping[str, object], name: str) -> int | None:
    value = attributes[name]
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; it must be a whole number")
    return value


def _flag(attributes: Mapping[str, object], name: str) -> bool:
    value = attributes.get(name, False)
    word = str(value).lower()
    if isinstance(value, bool | str) and word in (*_TRUE, *_FALSE):
        return word in _TRUE
    raise ValueError(f"{name} is {value!r}; it must be true or false")
