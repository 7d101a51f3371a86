"""Who bills at the other end: from the user's ``[sellers]``, the server's address, then the client's class."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit
from weakref import ref

from ..model import Seller, Served
from ..pricing import Addresses, Catalogue
from ..settings import Settings
from .spec import Endpoint, Provider, Server

logger = logging.getLogger("genmeter")
PORTS = {"https": 443, "http": 80}


CHOSEN = "x-inference-provider"
"""The header by which a router says which of its providers answered.

Source: answers of Hugging Face's router, https://huggingface.co/docs/inference-providers (read 2026-11-30).
"""


class _Url(NamedTuple):
    scheme: str
    host: str | None
    port: int | None
    path: str


class Endpoints:
    """Resolves the owner of an address to its endpoint once; a changed address is resolved anew."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._addresses = Addresses(settings.sellers, catalogue)
        self._catalogue = catalogue
        self._known: dict[int, tuple[ref[Any], Any, Endpoint]] = {}
        self._said: set[str] = set()

    def find(self, provider: Provider, server: Server) -> Endpoint:
        """The endpoint of what an SDK keeps its address in."""
        owner, url, seller, mode, region = server
        key = id(owner)
        known = self._known.get(key)
        # An id may be reused by another object, and its address may be set: both are compared.
        if known is not None and known[0]() is owner and (known[1] is url or _same_text(known[1], url)):
            return known[2]
        endpoint = self._resolve(provider, cast("type[Any]", type(owner)), _parsed(url), seller, mode)
        if region is not None and endpoint.seller.id is not None and endpoint.seller.region is None:
            endpoint = replace(endpoint, seller=endpoint.seller._replace(region=region))
        if len(self._known) >= 1024:
            self._known.clear()
        with suppress(TypeError):  # an owner that allows no weak reference is resolved for every call
            self._known[key] = (ref(owner), url, endpoint)
        return endpoint

    def served(self, served: Served) -> Endpoint | None:
        """Who an answer says that served the call; None where the address is of no known seller, and no name counts."""
        parts = _parsed(served.url or "")
        host, port, path = _where(parts)
        seller = self._addresses.seller(host, port, path) or self._named(served.seller)
        return None if seller is None else Endpoint(seller, host or None, port if host else None)

    def _resolve(self, provider: Provider, owner: type[Any], url: Any, named: str | None, mode: str | None) -> Endpoint:
        host, port, path = _where(url)
        known = self._named(named) or self._addresses.seller(host, port, path)
        seller = known or self._named(mode) or self._by_mode(provider, owner)
        if seller is None:
            self._say(f"{host}:{port}")
            seller = Seller(None, provider.name)
        return Endpoint(seller, host or None, port if host else None)

    def _by_mode(self, provider: Provider, owner: type[Any]) -> Seller | None:
        for kind in owner.__mro__:
            mode = provider.modes.get(kind.__name__)
            if mode is not None:
                return self._named(mode)
        return None

    def _named(self, name: str | None) -> Seller | None:
        return None if name is None else self._catalogue.named(name) or Seller(None, name)

    def _say(self, where: str) -> None:
        if where not in self._said:
            self._said.add(where)
            logger.warning(
                "genmeter: the seller at %s is unknown: its calls are metered in tokens and left unpriced; name the "
                'seller: GENMETER_SELLERS="%s=openai", or "%s" = "openai" under [sellers] of genmeter.toml',
                where,
                where,
                where,
            )


def routed(response: Any) -> Served | None:
    """Who served a call, where a router's HTTP response tells: the router sells each provider under a path of its own."""
    headers = getattr(response, "headers", None)  # what comes over gRPC has none
    chosen = headers.get(CHOSEN) if isinstance(headers, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(chosen, str) or not chosen:
        return None
    parts = urlsplit(str(response.url))
    return Served(f"{parts.scheme}://{parts.netloc}/{chosen}", None)


def _where(url: Any) -> tuple[str, int | None, str]:
    port = getattr(url, "port", None) or PORTS.get(str(getattr(url, "scheme", "")))
    return str(getattr(url, "host", "") or "").lower(), port, str(getattr(url, "path", "") or "")


def _parsed(url: Any) -> Any:
    """An address that an SDK keeps as text, in the parts that a parsed URL has."""
    if not isinstance(url, str):
        return url
    parts = urlsplit(url)
    return _Url(parts.scheme, parts.hostname, parts.port, parts.path)


def _same_text(known: Any, url: Any) -> bool:
    """Whether two addresses are equal texts; parsed URLs are the same object until another is set."""
    return isinstance(url, str) and known == url
