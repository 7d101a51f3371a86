"""Who bills at the other end: from the user's ``[sellers]``, the server's address, then the client's class."""

from __future__ import annotations

import logging
from typing import Any, cast
from weakref import ref

from ..model import Seller
from ..pricing import Addresses, Catalogue
from ..settings import Settings
from .spec import Endpoint, Provider

logger = logging.getLogger("genmeter")
PORTS = {"https": 443, "http": 80}


class Endpoints:
    """Resolves a client to its endpoint once; a changed ``base_url`` is resolved anew."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._addresses = Addresses(settings.sellers, catalogue)
        self._catalogue = catalogue
        self._known: dict[int, tuple[ref[Any], Any, Endpoint]] = {}
        self._said: set[str] = set()

    def find(self, provider: Provider, client: Any) -> Endpoint:
        """The endpoint of an SDK client."""
        url = client.base_url
        key = id(client)
        known = self._known.get(key)
        # An id may be reused by another client, and base_url may be set: both are compared by identity.
        if known is not None and known[0]() is client and known[1] is url:
            return known[2]
        endpoint = self._resolve(provider, cast("type[Any]", type(client)), url)
        if len(self._known) >= 1024:
            self._known.clear()
        self._known[key] = (ref(client), url, endpoint)
        return endpoint

    def _resolve(self, provider: Provider, client: type[Any], url: Any) -> Endpoint:
        host = str(getattr(url, "host", "") or "").lower()
        port = getattr(url, "port", None) or PORTS.get(str(getattr(url, "scheme", "")))
        path = str(getattr(url, "path", "") or "")
        seller = self._addresses.seller(host, port, path) or self._by_mode(provider, client)
        if seller is None:
            self._say(f"{host}:{port}")
            seller = Seller(None, provider.name)
        return Endpoint(seller, host or None, port if host else None)

    def _by_mode(self, provider: Provider, client: type[Any]) -> Seller | None:
        for kind in client.__mro__:
            mode = provider.modes.get(kind.__name__)
            if mode is not None:
                return self._catalogue.named(mode) or Seller(None, mode)
        return None

    def _say(self, where: str) -> None:
        if where not in self._said:
            self._said.add(where)
            logger.warning(
                "genmeter: nobody knows who bills at %s: its calls are metered in tokens and left unpriced; name the "
                'seller: GENMETER_SELLERS="%s=openai", or "%s" = "openai" under [sellers] of genmeter.toml',
                where,
                where,
                where,
            )
