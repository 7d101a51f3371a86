"""A call as telemetry recorded it: span attributes by name → the question that the catalogue answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from genmeter import names
from genmeter.model import Cost, Seller, Unpriced, Usage
from genmeter.pricing import Addresses, Catalogue, catalogue_for
from genmeter.reading import conventions
from genmeter.reading.conventions import Conventions
from genmeter.settings import Settings

_DEFAULTS = ("openai", "anthropic")
"""Names that instrumentations write for any server that their SDK talks to, a company's gateway included."""

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")

AtAddress = Callable[[str, int | None, str], Seller | None]
"""Who bills at a host, port and path."""


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


class Recorded:
    """Prices calls as telemetry recorded them: spans of other instrumentations, logs of calls.

    Raises:
        PricesError: a row of the user's own prices that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.catalogue = catalogue_for(settings.prices)
        self._addresses = Addresses(settings.sellers, self.catalogue)

    def ask(self, attributes: Mapping[str, object], scope: str = "", version: str = "") -> Question:
        """What one span or line asks; ValueError where an attribute holds what it cannot hold.

        ``scope`` and ``version`` are those of the instrumentation that wrote it.
        """
        return question(attributes, self.catalogue, self._addresses.seller, scope, version)

    def price(self, attributes: Mapping[str, object], at: float, scope: str = "", version: str = "") -> Cost | Unpriced:
        """The list price of the call that began at Unix second ``at``, or the reason why there is none."""
        try:
            asked = self.ask(attributes, scope, version)
        except ValueError as error:
            return Unpriced("invalid_usage", str(error))
        return self.catalogue.price(
            asked.seller.id if asked.seller is not None else None,
            asked.request_model,
            asked.response_model,
            asked.usage,
            at,
            asked.service_tier,
            asked.batch,
            asked.region,
            asked.partial,
        )


def question(
    attributes: Mapping[str, object],
    catalogue: Catalogue,
    at_address: AtAddress,
    scope: str = "",
    version: str = "",
) -> Question:
    """What the attributes of one inference span or event ask, in whichever convention they are spelled.

    ``scope`` and ``version`` are those of the instrumentation that wrote them: it decides what an input count means.

    Raises:
        ValueError: an attribute holds what it cannot hold; the message names it.
    """
    table = conventions.bundled()
    seller = billed_by(attributes, catalogue, at_address)
    usage = _usage(attributes, table)
    repaired = False
    if usage is not None and usage.input is not None:
        cached = usage.cache_read + usage.cache_write
        repaired = table.leaves_cache_out(
            attributes, scope, version, lambda: seller.id if seller is not None else None, usage.input, cached
        )
        usage.input += cached if repaired else 0
    return Question(
        seller,
        table.text(attributes, "request_model"),
        table.text(attributes, "response_model"),
        usage,
        table.text(attributes, "service_tier"),
        _flag(attributes, names.BATCH),
        table.text(attributes, "region") or (seller.region if seller else None),
        table.text(attributes, "cut") is not None,
        repaired,
    )


def billed_by(attributes: Mapping[str, object], catalogue: Catalogue, at_address: AtAddress) -> Seller | None:
    """By the address, where the record has one: most instrumentations name the SDK's own vendor wherever it talks to.

    Raises:
        ValueError: an attribute holds what it cannot hold; the message names it.
    """
    table = conventions.bundled()
    name, place = table.text(attributes, "provider"), table.place(attributes)
    named = catalogue.named(name) if name else None
    if place is None:
        return named
    return at_address(*place) or (named if named is not None and named.name not in _DEFAULTS else None)


def _usage(attributes: Mapping[str, object], table: Conventions) -> Usage | None:
    usage: Usage | None = None
    for field in names.USAGE_TOKENS:
        count = table.count(attributes, field)
        if count is not None:
            usage = usage or Usage()
            setattr(usage, field, count)
    return usage


def _flag(attributes: Mapping[str, object], name: str) -> bool:
    value = attributes.get(name, False)
    word = str(value).lower()
    if isinstance(value, bool | str) and word in (*_TRUE, *_FALSE):
        return word in _TRUE
    raise ValueError(f"{name} is {value!r}; it must be true or false")
