"""Names of models as bills write them, brought to the names that the ledger has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from genmeter.reports.bills.entry import CACHE_READ, CACHE_WRITE, INPUT, OTHER, OUTPUT

_PARTS: Final = re.compile(r"[a-z]+|[0-9]+")
_DATES: Final = re.compile(r"(?<![0-9])(20[0-9]{2}[-_.]?[01][0-9][-_.]?[0-3][0-9]|[01][0-9][0-3][0-9])(?![0-9])")
_VERSION: Final = re.compile(r"[-_ ]v[0-9]+(:[0-9]+)?(?![0-9.])")
_REGION: Final = re.compile(r"^(us|eu|apac|jp|au|global)\.")
_NOISE: Final = frozenset(
    [
        "input",
        "output",
        "inp",
        "outp",
        "inpt",
        "out",
        "opt",
        "in",
        "cached",
        "cache",
        "cchd",
        "cachd",
        "read",
        "write",
        "writes",
        "hit",
        "miss",
        "tokens",
        "token",
        "text",
        "image",
        "audio",
        "video",
        "thinking",
        "reasoning",
        "glbl",
        "global",
        "regnl",
        "regional",
        "dzone",
        "dz",
        "datazone",
        "data",
        "zone",
        "batch",
        "priority",
        "prty",
        "flex",
        "standard",
        "cross",
        "region",
        "count",
        "predictions",
        "prediction",
        "usage",
        "api",
        "on",
        "demand",
        "ondemand",
        "units",
        "unit",
        "k",
        "m",
        "million",
        "thousand",
        "requests",
        "model",
        "models",
        "anthropic",
        "amazon",
        "meta",
        "openai",
        "google",
        "azure",
        "edition",
        "bedrock",
        "latest",
        "the",
        "for",
        "and",
        "of",
        "short",
        "long",
        "context",
        "gl",
        "pp",
        "mantle",
        "custom",
        "generate",
        "content",
        "online",
        "offline",
        "ai",
        "vertex",
        "gemini-api",
        "service",
    ]
)
_METERS: Final = (
    (CACHE_WRITE, re.compile(r"cache[-_ ]?(write|creation|storage)|writes?[-_ ]cache")),
    (CACHE_READ, re.compile(r"cach|cchd|cchd")),
    (OUTPUT, re.compile(r"out|outp|opt\b|completion|response")),
    (INPUT, re.compile(r"\bin|inp|prompt|request")),
)
_TIERS: Final = ("batch", "priority", "flex")


def meter_of(text: str) -> str:
    """What a line of a bill is for, from its words.

    >>> [meter_of(text) for text in ("gpt-4o, cached input", "USE1-Claude3Sonnet-output-tokens", "gpt4o-Inp-glbl", "Web search")]
    ['cache_read', 'output', 'input', 'other']
    """
    said = text.lower()
    return next((meter for meter, words in _METERS if words.search(said)), OTHER)


def tier_of(text: str) -> str | None:
    """The tier in the words of a line; None for the standard one.

    >>> tier_of("USE1-NovaMicro-input-tokens-batch"), tier_of("gpt-5, input")
    ('batch', None)
    """
    said = text.lower()
    return next((tier for tier in _TIERS if tier in said), None)


def parts(name: str) -> tuple[str, ...]:
    """The words and numbers that make a model out, in no order: without dates, versions, regions, and what is metered.

    >>> parts("anthropic.claude-3-sonnet-20240229-v1:0") == parts("Claude3Sonnet")
    True
    >>> parts("Claude Sonnet 4.5") == parts("claude-sonnet-4-5-20250929")
    True
    """
    bare = _REGION.sub("", name.lower().strip().rpartition("/")[2])
    bare = _VERSION.sub("", _DATES.sub(" ", bare))
    found = (part for part in _PARTS.findall(bare) if part not in _NOISE)
    return tuple(sorted(part.lstrip("0") or "0" for part in found))


def match(name: str, known: Iterable[str]) -> str | None:
    """The known model that a bill means: the same name, or the only one of the same parts; None where none is.

    >>> match("gpt-4o-0806-Inp-glbl", ["gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"])
    'gpt-4o-2024-08-06'
    """
    listed = list(known)
    if name in listed:
        return name
    wanted = parts(name)
    alike = [one for one in listed if parts(one) == wanted]
    if len(alike) > 1:
        # several dates of one model: the one whose date the bill has
        dated = [one for one in alike if _date(one) and _date(one) == _date(name)]
        return dated[0] if len(dated) == 1 else min(alike, key=lambda one: (len(one), one))
    return alike[0] if alike and wanted else None


def _date(name: str) -> str:
    found = _DATES.search(name)
    return "".join(char for char in found[0] if char.isdigit())[-4:] if found else ""
