"""The catalogue as this user has it: their own prices on top, and the sellers that they have named by address."""

from __future__ import annotations

from collections.abc import Mapping

from genmeter.model import Cost, Seller, Unpriced
from genmeter.pricing.catalogue import Catalogue
from genmeter.pricing.match import lower
from genmeter.pricing.override import parse
from genmeter.pricing.recorded import Question, question
from genmeter.settings import Settings


def catalogue_for(settings: Settings) -> Catalogue:
    """The bundled catalogue under the user's ``[prices]``.

    Raises:
        PricesError: a row that cannot be used, with its file, line and reason.
    """
    bundled, table = Catalogue.bundled(), settings.prices
    return bundled.with_overrides(parse(table.rows, table.path, table.text)) if table is not None else bundled


class Addresses:
    """Who bills at an address: whom the user named (``[sellers]``), else whom the catalogue knows there."""

    def __init__(self, named: Mapping[str, str], catalogue: Catalogue) -> None:
        ordered = sorted(named.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        self._named = [(lower(where).rstrip("/"), name) for where, name in ordered]
        self._catalogue = catalogue

    def seller(self, host: str, port: int | None = None, path: str = "") -> Seller | None:
        """The seller, or None when nobody knows. The longest name that begins the address counts."""
        bare = lower(host + path) if self._named else ""
        spellings = (bare, lower(f"{host}:{port}{path}") if port else bare)
        for where, name in self._named:
            if any(_begins(spelling, where) for spelling in spellings):
                return self._catalogue.named(name) or Seller(name, name)
        return self._catalogue.seller(host, path)


class Recorded:
    """Prices calls as telemetry recorded them: spans of other instrumentations, logs of calls.

    Raises:
        PricesError: a row of the user's own prices that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.catalogue = catalogue_for(settings)
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


def _begins(address: str, where: str) -> bool:
    return address == where or address.startswith((where + "/", where + ":"))
