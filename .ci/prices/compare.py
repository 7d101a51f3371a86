"""Compares the catalogue with LiteLLM's price map: what agrees, what differs, and what has no price here.

The map is a cross-check and never a source by itself: `overlay.toml` takes a price where the seller's page says it, or
where two independent sources do.
"""

from __future__ import annotations

import json
import re
import sys
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from genmeter.model import Unpriced, Usage
from genmeter.pricing import Catalogue, Question

MEMBER = "litellm/model_prices_and_context_window_backup.json"
SELLERS = {
    "openai": "openai", "text-completion-openai": "openai", "azure": "azure", "azure_ai": "azure", "azure_text": "azure",
    "anthropic": "anthropic", "bedrock": "aws", "bedrock_converse": "aws", "bedrock_mantle": "aws", "gemini": "google",
    "mistral": "mistral", "codestral": "mistral", "groq": "groq", "xai": "x-ai", "deepseek": "deepseek",
    "cohere": "cohere", "cohere_chat": "cohere", "fireworks_ai": "fireworks", "together_ai": "together",
    "perplexity": "perplexity", "cerebras": "cerebras", "voyage": "voyageai", "openrouter": "openrouter",
    "moonshot": "moonshotai", "zai": "zai", "minimax": "minimax", "novita": "novita", "databricks": "databricks",
    "cloudflare": "cloudflare", "baseten": "baseten", "ovhcloud": "ovhcloud", "watsonx": "ibm-watsonx",
}  # fmt: skip
"""LiteLLM's provider → our seller."""
PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
"""LiteLLM's key, US dollars a token → our column."""
SETTLED = Path(__file__).with_name("settled.toml")
NOISE = 1e-4
"""Relative differences below this are the rounding of a reseller."""


GROUPS = {
    "regional": "the price of a region or a data zone, which no page of the seller that could be read has",
    "refused": "refused on purpose: overlay.toml says why",
    "retired": "the seller has taken the model off; old calls of it have no price",
    "duplicate": "another spelling of a name that has a price here, or that is in this list",
    "one source": "the map alone has a price: neither the seller's page nor a second source could be read",
}
"""Why a name of the map has no price here, in the order in which it is asked."""
ACCOUNT = "accounts/fireworks/models/"
"""What LiteLLM puts before a short name of Fireworks."""
_VERSION = re.compile(r"(-v\d+)?(:\d+)?$|[-@]\d{4}-?\d{2}-?\d{2}$|-latest$")


class Row(NamedTuple):
    """One name in the map: the seller and model as we write them, the region, and its prices in micro-USD a million.

    ``retired`` is the day on which the model is taken off, as the map has it.
    """

    seller: str
    model: str
    region: str | None
    prices: dict[str, int]
    retired: str = ""


class Answer(NamedTuple):
    """What the catalogue says of a row: columns that differ (theirs, ours), or why there is no price."""

    row: Row
    differs: dict[str, tuple[int, int]]
    refused: Unpriced | None


def rows(prices: dict[str, dict[str, Any]]) -> Iterator[Row]:
    """The map's rows of the sellers that we know, each name once."""
    seen: set[tuple[str, str, str | None]] = set()
    for key, one in prices.items():
        provider = str(one.get("litellm_provider", ""))
        seller = "vertex" if provider.startswith("vertex_ai") else SELLERS.get(provider)
        found = {
            column: round(one[name] * 10**12)
            for name, column in PRICES.items()
            if isinstance(one.get(name), int | float) and one[name]
        }
        if seller is None or not found.keys() & {"input", "output"}:
            continue
        place = (seller, *_name(key, provider, seller))
        if place not in seen:
            seen.add(place)
            yield Row(*place, found, str(one.get("deprecation_date") or ""))


def _name(key: str, provider: str, seller: str) -> tuple[str, str | None]:
    """The model and the region in a key such as ``bedrock/us-gov-west-1/anthropic.claude-sonnet-5``."""
    for prefix in (f"{provider}/", "vertex_ai/", "bedrock/", "azure_ai/", "azure/"):
        if key.startswith(prefix):
            key = key.removeprefix(prefix)
            break
    if seller == "fireworks" and "/" not in key:
        key = ACCOUNT + key
    head, slash, rest = key.partition("/")
    regional = (seller == "aws" and head.count("-") >= 2) or (
        seller == "azure" and head in ("eu", "us", "us-gov", "global")
    )
    return (rest, head) if slash and regional else (key, None)


ONE = {
    "input": Usage(1, 0),
    "output": Usage(0, 1),
    "cache_read": Usage(1, 0, cache_read=1),
    "cache_write": Usage(1, 0, cache_write=1),
    "cache_write_1h": Usage(1, 0, cache_write=1, cache_write_1h=1),
    "audio_input": Usage(1, 0, audio_input=1),
    "audio_output": Usage(0, 1, audio_output=1),
}
"""Column → a call that uses one token of it alone."""


def answers(catalogue: Catalogue, found: Iterator[Row], at: float) -> Iterator[Answer]:
    """The catalogue's answer to each row at Unix second ``at``."""
    for row in found:
        differs: dict[str, tuple[int, int]] = {}
        refusals: list[Unpriced] = []
        for column, theirs in row.prices.items():
            asked = None if row.seller == "azure" else row.model
            question = Question(row.seller, asked, row.model, ONE[column], at, region=row.region)
            told = catalogue.explain(question)
            ours = sum(term.price for term in told.terms if term.measure.per == 1_000_000)
            if isinstance(told.result, Unpriced):
                refusals.append(told.result)
            elif abs(theirs - ours) > max(1, theirs * NOISE):
                differs[column] = (theirs, ours)
        nothing = len(refusals) == len(row.prices)
        yield Answer(row, differs, refusals[0] if nothing else None)


def settled(answer: Answer, reasons: list[dict[str, Any]]) -> str | None:
    """Why our price stays where it differs; None while a column of it is still to be looked at."""
    name = f"{answer.row.seller}/{answer.row.model}"
    for row in reasons:
        if any(fnmatchcase(name, one) for one in row["names"]) and set(answer.differs) <= set(row["columns"]):
            return str(row["why"])
    return None


def groups(gaps: list[Answer], priced: set[tuple[str, str]], today: str) -> dict[str, list[Answer]]:
    """The gaps by the reason why there is no price: a key of ``GROUPS``. ``priced`` are (seller, ``_bare`` model)."""
    found: dict[str, list[Answer]] = {name: [] for name in GROUPS}
    seen: set[tuple[str, str]] = set()
    for one in gaps:
        bare, refused = (one.row.seller, _bare(one.row.model)), one.refused
        if one.row.region or (refused is not None and refused.reason == "unpriced_dimension"):
            found["regional"].append(one)
        elif refused is not None and "is known but" in (refused.detail or ""):
            found["refused"].append(one)
        elif one.row.retired and one.row.retired < today:
            found["retired"].append(one)
        elif bare in priced or bare in seen:
            found["duplicate"].append(one)
        else:
            found["one source"].append(one)
        seen.add(bare)
    return found


def _bare(model: str) -> str:
    """The name without region, vendor and version: what two spellings of one model share."""
    name = model.lower().rpartition("/")[2]
    head, dot, rest = name.partition(".")
    name = rest if dot and head in ("us", "eu", "apac", "jp", "au", "global", "us-gov") else name
    return _VERSION.sub("", _VERSION.sub("", name))


def report(source: Path) -> int:
    """Print the counts, each name that differs and each gap; always 0, because a gap is no fault."""
    content = zipfile.ZipFile(source).read(MEMBER) if source.suffix == ".whl" else source.read_bytes()
    found = list(answers(Catalogue.bundled(), rows(json.loads(content)), time.time()))
    reasons = tomllib.loads(SETTLED.read_text(encoding="utf-8"))["row"]
    gaps = [one for one in found if one.refused]
    differ = [(one, settled(one, reasons)) for one in found if one.differs]
    differ.sort(key=lambda pair: pair[1] or "")
    lines = [
        f"{'=' if why else '~'} {one.row.seller}/{one.row.model} {one.row.region or ''}: {one.differs}"
        + (f": {why}" if why else "")
        for one, why in differ
    ]
    priced = {(one.row.seller, _bare(one.row.model)) for one in found if not one.refused}
    grouped = groups(gaps, priced, time.strftime("%Y-%m-%d", time.gmtime()))
    for group, members in grouped.items():
        lines += [
            f"- {group}: {one.row.seller}/{one.row.model} {one.row.region or ''}: {one.refused}" for one in members
        ]
    by_seller = ", ".join(
        f"{seller} {count}" for seller, count in Counter(one.row.seller for one in gaps).most_common()
    )
    known = sum(why is not None for _, why in differ)
    lines.append(
        f"{len(found) - len(gaps) - len(differ)} names agree, {known} differ for a known reason (settled.toml), "
        f"{len(differ) - known} differ, {len(gaps)} have no price here"
    )
    why = [f"{len(members):>5}  {group}: {GROUPS[group]}" for group, members in grouped.items()]
    sys.stdout.write("\n".join([*lines, *why, f"without a price: {by_seller}", ""]))
    return 0
