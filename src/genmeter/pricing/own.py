"""The catalogue of one user: the user's own prices on top, and the sellers that the user names by address."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from genmeter.model import Seller
from genmeter.pricing.catalogue import Catalogue
from genmeter.pricing.match import lower
from genmeter.pricing.override import parse

logger = logging.getLogger("genmeter")


class Prices(Protocol):
    """The user's ``[prices]`` table before it is checked; ``genmeter.settings.PriceTable`` has this form."""

    @property
    def rows(self) -> Mapping[str, Any]:
        """The table, as the TOML reader returns it."""
        ...

    @property
    def path(self) -> str:
        """The path of the file."""
        ...

    @property
    def text(self) -> str:
        """The file's text, to find the line of a bad row."""
        ...


def catalogue_for(prices: Prices | None) -> Catalogue:
    """The bundled catalogue with the user's own prices on top; None means that the user has none.

    >>> catalogue_for(None) is Catalogue.bundled()
    True

    Raises:
        PricesError: a row that cannot be used, with its file, line and reason.
    """
    bundled = Catalogue.bundled()
    return bundled.with_overrides(parse(prices.rows, prices.path, prices.text)) if prices is not None else bundled


class Addresses:
    """The sellers by address: the ones that the user names under ``[sellers]`` win over those of the catalogue.

    A seller that neither the catalogue nor the user's prices know is told in a warning, with the nearest name.

    >>> addresses = Addresses({"llm.example.com/v1": "openai"}, Catalogue.bundled())
    >>> addresses.seller("llm.example.com", 443, "/v1/chat/completions")
    Seller(id='openai', name='openai', region=None)
    >>> addresses.seller("api.anthropic.com").id, addresses.seller("llm.example.com", path="/v2")
    ('anthropic', None)
    """

    def __init__(self, named: Mapping[str, str], catalogue: Catalogue) -> None:
        ordered = sorted(named.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        self._named = [(lower(where).rstrip("/"), name) for where, name in ordered]
        self._catalogue = catalogue
        for where, name in ordered:
            if catalogue.named(name) is None:
                logger.warning("genmeter: calls to %s get no price: %s", where, catalogue.unknown_seller(name))
        for name, near in catalogue.misspelled():
            if name not in named.values():
                logger.warning("genmeter: [prices.%s] is no seller of the catalogue; did you mean %r?", name, near)

    def seller(self, host: str, port: int | None = None, path: str = "") -> Seller | None:
        """The seller that bills at the address, or None when the seller is unknown.

        The longest name under ``[sellers]`` that begins the address counts.
        """
        bare = lower(host + path) if self._named else ""
        spellings = (bare, lower(f"{host}:{port}{path}") if port else bare)
        for where, name in self._named:
            if any(_begins(spelling, where) for spelling in spellings):
                return self._catalogue.named(name) or Seller(name, name)
        return self._catalogue.seller(host, path)


def _begins(address: str, where: str) -> bool:
    return address == where or address.startswith((where + "/", where + ":"))
