"""Who bills: from a server address, a provider name or an alias to a seller and its price region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict

from genmeter.model import Seller
from genmeter.pricing.match import lower, plain

GLOBAL = frozenset({"", "global", "not_available", "none"})
"""Words of a region that mean: no region."""

STANDARD = ""
_TIERS = {"default": STANDARD, "standard": STANDARD, "on_demand": STANDARD, "on_demand_flex": "flex",
          "on_demand_priority": "priority"}  # fmt: skip
RegionRule = tuple[list[str], int, int, list[str]]


class SellerData(TypedDict):
    """One seller as written in the file."""

    name: str
    hosts: list[str]
    ids: dict[str, int]
    dated: list[str]
    refused: dict[str, list[str]]
    as_of: NotRequired[str]
    aliases: NotRequired[list[str]]
    prefixes: NotRequired[list[str]]
    also: NotRequired[list[str]]
    standard: NotRequired[list[str]]
    regions: NotRequired[list[RegionRule]]
    deployments: NotRequired[bool]
    profiles: NotRequired[bool]


class _Host(NamedTuple):
    before: str
    after: str
    path: str
    region: bool
    wild: bool
    seller: Seller

    def fits(self, host: str, path: str) -> Seller | None:
        if not self.wild and not self.region:
            matched = host == self.before
        else:
            matched = len(host) > len(self.before) + len(self.after) and (
                host.startswith(self.before) and host.endswith(self.after)
            )
        if not matched or not path.startswith(self.path):
            return None
        if not self.region:
            return self.seller
        region = host[len(self.before) : len(host) - len(self.after)]
        if "." in region:
            return None
        return self.seller._replace(region=None if region in GLOBAL else region)


class Hosts:
    """Host patterns, exact ones first."""

    def __init__(self, sellers: Mapping[str, SellerData]) -> None:
        self._patterns = [
            _pattern(pattern, key, data["name"]) for key, data in sellers.items() for pattern in data["hosts"]
        ]
        self._patterns.sort(key=lambda one: (one.wild or one.region, -len(one.path), -len(one.before + one.after)))

    def seller(self, host: str, path: str) -> Seller | None:
        """The seller behind ``host`` (a name, perhaps with a port) and the start of ``path``."""
        bare = plain(host).rstrip(".")
        name, colon, port = bare.rpartition(":")
        bare = name if colon and port.isascii() and port.isdecimal() else bare
        route = "/" + lower(path).lstrip("/")
        for pattern in self._patterns:
            seller = pattern.fits(bare, route)
            if seller is not None:
                return seller
        return None


def _pattern(text: str, key: str, name: str) -> _Host:
    text, _, other = text.partition(" = ")
    host, slash, path = text.partition("/")
    seller = Seller(key, other or name)
    region, wild = "{region}" in host, "*" in host
    before, _, after = host.partition("{region}" if region else "*")
    return _Host(before, after, f"/{path}" if slash else "", region, wild, seller)


def names(sellers: Mapping[str, SellerData]) -> dict[str, Seller]:
    """The seller for each word: catalogue id, ``gen_ai.provider.name`` or alias. A seller keeps its name of the conventions."""
    words: dict[str, Seller] = {}
    for key, data in sellers.items():
        seller = Seller(key, data["name"])
        words[data["name"]] = seller
        for alias in data.get("aliases", ()):
            words.setdefault(alias, Seller(key, alias) if "." in alias and key == "azure" else seller)
    for key, data in sellers.items():
        words.setdefault(key, Seller(key, data["name"]))
    return words


def tier(word: str | None, batch: bool, data: SellerData | None) -> str:
    """The service tier, as the catalogue names it. The standard tier is the empty text."""
    bare = plain(word or "").removeprefix("service_tier_")
    bare = _TIERS.get(bare, bare)
    if data is not None and bare in data.get("standard", ()):
        bare = STANDARD
    if batch:
        return "batch" if bare in (STANDARD, "batch") else f"{bare}+batch"
    return bare


def ratio(rules: Sequence[RegionRule] | None, region: str, model: str) -> tuple[int, int] | None:
    """The factor of a region on token prices as (over, under); None when no published rule covers the model there."""
    for regions, over, under, models in rules or ():
        if any(_fits(region, one) for one in regions) and any(_fits(model, one) for one in models):
            return over, under
    return None


def _fits(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
