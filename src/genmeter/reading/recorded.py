"""Prices a call from its recorded attributes: span attributes by name → a question → the catalogue's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from genmeter import names
from genmeter.model import Cost, Seller, Unpriced, Usage, Verdict
from genmeter.pricing import Addresses, Catalogue, Question, catalogue_for
from genmeter.reading import conventions
from genmeter.reading.conventions import Conventions, Counted
from genmeter.reading.uncounted import uncounted
from genmeter.settings import Settings

_DEFAULTS = ("openai", "anthropic")
"""Names that prove no seller: instrumentations write them for every server of the SDK, even a company's gateway."""

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")

NAMES_NOBODY = (
    "the record names no seller and no server, at most a framework; have its emitter write gen_ai.provider.name or"
    " server.address, or meter the SDK below it with genmeter"
)
"""Detail of a call without a price where no address can be given a seller."""
AtAddress = Callable[[str, int | None, str], Seller | None]
"""The seller at a host, port and path."""


class Asked(NamedTuple):
    """The question of a recorded call, its seller, and whether the input count was repaired.

    ``repaired``: the emitter left the cache out of the input count, and the question has the cache in it.
    ``uncounted`` names counts that the price of the call leaves out: no field reads them, or they are no numbers.
    ``assumed``: the record has cache counts, and its emitter is not in the table; the input was taken to have them in it.
    """

    question: Question
    seller: Seller | None
    repaired: bool
    uncounted: tuple[tuple[str, int], ...] = ()
    assumed: bool = False


class Recorded:
    """Prices recorded calls: spans of other instrumentations, logs of calls.

    >>> from genmeter.settings import Settings
    >>> recorded = Recorded(Settings())
    >>> call = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.output_tokens": 100}
    >>> recorded.price(call | {"gen_ai.usage.input_tokens": 1_000}, at=1_764_547_200).total
    3500000000
    >>> recorded.price(call, at=1_764_547_200)
    Unpriced(reason='no_usage', detail='the response carried no input token count')

    Raises:
        PricesError: a row of the user's own prices that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.catalogue = catalogue_for(settings.prices)
        self._addresses = Addresses(settings.sellers, self.catalogue)

    def ask(self, attributes: Mapping[str, object], at: float, scope: str = "", version: str = "") -> Asked:
        """The question of one inference span or event, from attributes of any known convention.

        The call began at Unix second ``at``. ``scope`` and ``version`` name the instrumentation that wrote the
        attributes: they decide whether its input count has the cache in it.

        Raises:
            ValueError: the value of an attribute has the wrong type; the message names the attribute.
        """
        table = conventions.bundled()
        seller = billed_by(attributes, self.catalogue, self._addresses.seller)
        usage = _usage(attributes, table)
        told = conventions.Told()
        if usage is not None and usage.input is not None:
            counts = Counted(usage.input, usage.cache_read + usage.cache_write, usage.output or 0, usage.reasoning)
            told = table.told(attributes, scope, version, lambda: seller.id if seller is not None else None, counts)
            usage.input += told.cache
            if told.thoughts:
                usage.output, usage.reasoning = counts.output + told.thoughts, counts.reasoning or told.thoughts
        question = Question(
            seller.id if seller is not None else None,
            table.text(attributes, "request_model"),
            table.text(attributes, "response_model"),
            usage,
            at,
            table.text(attributes, "service_tier"),
            _flag(attributes, names.BATCH),
            table.text(attributes, "region") or (seller.region if seller else None),
            table.text(attributes, "cut") is not None,
        )
        left = ((table.fields["total"][0], told.left),) if told.left else ()
        return Asked(question, seller, told.cache > 0, uncounted(attributes, table) + left, told.assumed)

    def price(self, attributes: Mapping[str, object], at: float, scope: str = "", version: str = "") -> Verdict:
        """The list price of the call that began at Unix second ``at``, or the reason why there is none."""
        try:
            asked = self.ask(attributes, at, scope, version)
        except ValueError as error:
            return Unpriced("invalid_usage", str(error))
        verdict = self.answer(asked)
        if asked.question.seller is None and isinstance(verdict, Unpriced) and _names_nobody(attributes):
            return verdict._replace(detail=NAMES_NOBODY)
        if isinstance(verdict, Unpriced) and verdict.reason == "unknown_model":
            return verdict._replace(detail=odd_model(attributes) or verdict.detail)
        return verdict

    def answer(self, asked: Asked) -> Verdict:
        """The price of a question; a part of the price where the record has counts that no field reads."""
        verdict = self.catalogue.price(asked.question)
        return verdict._replace(partial=True) if asked.uncounted and isinstance(verdict, Cost) else verdict


def _names_nobody(attributes: Mapping[str, object]) -> bool:
    """Whether neither a seller nor a server is named, so that the user cannot name the seller of the server."""
    table = conventions.bundled()
    return not any(table.text(attributes, field) for field in ("provider", "address", "base_url"))


def odd_model(attributes: Mapping[str, object]) -> str | None:
    """The attribute of a model that is no text, in words."""
    table = conventions.bundled()
    for name in (*table.fields["request_model"], *table.fields["response_model"]):
        value = attributes.get(name)
        if value is not None and not isinstance(value, str):
            return f"{name} is {value!r}; it must be text"
    return None


def _named(word: str, catalogue: Catalogue) -> Seller | None:
    found = (catalogue.named(one) for one in conventions.bundled().sellers(word))
    return catalogue.named(word) or next((seller for seller in found if seller is not None), None)


def billed_by(attributes: Mapping[str, object], catalogue: Catalogue, at_address: AtAddress) -> Seller | None:
    """The seller of a recorded call; None when it is unknown.

    The server's address decides where the record has one, because most instrumentations write the name of the SDK's
    vendor for every server.

    Raises:
        ValueError: the value of an attribute has the wrong type; the message names the attribute.
    """
    table = conventions.bundled()
    name, place = table.text(attributes, "provider"), table.place(attributes)
    if place is None and name is None:
        name = table.sold_by(attributes)
    named = _named(name, catalogue) if name else None
    if named is None and name and table.resells(name):
        model = table.text(attributes, "request_model") or table.text(attributes, "response_model") or ""
        return _named(model.partition("/")[0], catalogue) if "/" in model else None
    if place is None:
        return named
    return at_address(*place) or (named if named is not None and named.name not in _DEFAULTS else None)


def _usage(attributes: Mapping[str, object], table: Conventions) -> Usage | None:
    """The counts of a record. A part that is no count is left out, and ``uncounted`` names it.

    Raises:
        ValueError: a total is no count. Without it the call has no price.
    """
    usage: Usage | None = None
    for field in names.USAGE_TOKENS:
        try:
            count = table.count(attributes, field)
        except ValueError:
            if field in table.total_counts:
                raise
            continue
        if count is not None:
            usage = usage or Usage()
            setattr(usage, field, count)
    return usage


def _flag(attributes: Mapping[str, object], name: str) -> bool:
    value = attributes.get(name)
    if value is None:
        return False
    word = str(value).lower()
    if isinstance(value, bool | str) and word in (*_TRUE, *_FALSE):
        return word in _TRUE
    raise ValueError(f"{name} is {value!r}; it must be true or false")
