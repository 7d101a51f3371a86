"""The raw material of questions: how people and SDKs spell models, tiers and regions, when they call, what they use."""

from __future__ import annotations

import json
import random
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NOVEMBER = 1_795_000_000
LONGEST = 256
LARGEST = 2**63 - 1

TAILS = (
    "-2026-11-17", "-20261117", "@20250929", "@2025-09-29", "-v1", "-v2", ":0", ":12", ":123", "-latest", "-preview",
    "@default", "-001", "-0613", "-11-17", "-1117", "-v1:0", "-20251001-v1:0", "-beta", "-turbo", "-2026-11", "-99",
    "-20261", "-19991231", "-v", "-", ":", "@", "--", "-v1.5", ":free", "-2026-11-17-preview", "-latest-latest",
)  # fmt: skip
"""What may stand after a model's name: some of it a version, some of it another model."""

STRANGE = (
    "\u0130", "\u00df", "\u212a", "\u0661\u0662", "-\u0662\u0660\u0662\u0664", ":\u0661", "@\u0661\u0662", "-v\u0661",
    "\u00b2", "-\u00b2\u00b3\u00b9", "\u00a0", "\u2003", "\u0085", "\u001c", "\u001f", "\u000b", "\u0000", "\u200b",
    "\ufeff", "\u3000", "\U0001f600", "\u65e5\u672c", "e\u0301", "\uff11\uff12", "\u03a3", "\u0131", "\u2028", "'", '"',
    "\\", "%s", "{}", "*",
)  # fmt: skip
"""Characters of which two languages think differently: case, digits, blanks, quotes."""

TIERS = (
    "", "default", "standard", "on_demand", "on_demand_flex", "on_demand_priority", "flex", "priority", "fast", "batch",
    "FLEX", " Priority ", "SERVICE_TIER_FLEX", "service_tier_standard", "service_tier_", "scale", "auto", "fl\u0130x",
    "\u212aast", "flex\u00a0", "batch+batch", "fast+batch", "standard_only", "x" * 300,
)  # fmt: skip

REGIONS = (
    "", "global", "not_available", "none", "GLOBAL", "us", "US", " us ", "eu", "ca", "us-east-1", "us-west-2",
    "us-east-", "eu-central-1", "ap-northeast-1", "europe-west4", "Us-East-5", "de", "au", "*", "us\u00a0", "\u0130",
    "none ", "r" * 300,
)  # fmt: skip

STRANGERS = (
    "gpt-99", "my-deployment", "llama", "unknown", "gpt", "claude", "gpt-4o-mega", "-", "@", ":", "/", "//", "ft:",
    "ft::", "arn:", "arn:aws:bedrock:us-east-1:1:foundation-model/", "models/", "publishers/", "projects/p/models/",
    "openai/", "/gpt-4o", "gpt-4o/gpt-4o", " ", "\t\n", "-20", "-2024", "2024-01-01", "-01-01", "a-01-01", "ab-2024-01-01",
    "0", "v1", "-v1", "latest", "-latest", ".ft-", "x.ft-y", "none", "null", "None", "gpt-4o\u0000", "\ufffd",
)  # fmt: skip

_FILE = Path(__file__).parents[2] / "src" / "genmeter" / "pricing" / "data" / "units.json"
TABLE: list[dict[str, Any]] = json.loads(_FILE.read_text("utf-8"))["units"]
UNITS = {unit["name"]: unit for unit in TABLE if unit["attribute"]}
PARTS = tuple(name for name in UNITS if name not in ("input", "output"))

Chance = random.Random


def spelled(chance: Chance, name: str) -> str:
    """One of the ways in which ``name`` is written in telemetry, or nearly so."""
    bare = name.rpartition("/")[2]
    ways = (
        name.upper(), name.title(), f" {name} ", f"\t{name}\n", f"\u00a0{name}", f"models/{name}",
        f"publishers/google/models/{name}", f"projects/p/locations/l/publishers/x/models/{name}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{name}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{name}",
        f"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/{name}",
        f"arn:aws:sagemaker:us-east-1:1:custom-model/{name}", f"ft:{name}:org::id", f"ft:{name}", f"{name}.ft-abc",
        f"openai/{name}", f"anthropic/{name}", f"bedrock/{name}", f"OpenAI/{name}", f"models/openai/{name}", bare,
        f"us.{name}", f"global.{name}", f"regional.{name}", name[:-1], name[1:], name.replace("-", "_"),
        name.replace("-20", "-2"), other_date(name), name + chance.choice(TAILS) + chance.choice(TAILS),
    )  # fmt: skip
    if chance.random() < 0.4:
        return name + chance.choice(TAILS)
    return chance.choice(ways)


def other_date(name: str) -> str:
    """``name`` with the dashes of its date taken out or put in."""
    head, dash, tail = name.rpartition("-20")
    digits = tail.replace("-", "")
    if not dash or len(digits) != 6 or not digits.isdecimal():
        return name + "-20260102"
    return f"{head}-20{digits}" if "-" in tail else f"{head}-20{digits[:2]}-{digits[2:4]}-{digits[4:]}"


def strange(chance: Chance, name: str) -> str:
    """``name`` with something odd in it."""
    if chance.random() < 0.1:
        return (name + "x" * LONGEST)[: chance.choice((LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST))]
    if chance.random() < 0.1:
        return "\u00e9" * chance.choice((LONGEST // 2 + 1, LONGEST, LONGEST + 1))
    place = chance.choice((0, len(name), chance.randint(0, len(name))))
    return name[:place] + chance.choice(STRANGE) + name[place:]


def text_usage(chance: Chance) -> dict[str, int]:
    """Text in and out, as most calls are, some of it from the cache."""
    into = chance.choice((1, 12, 1200, 99_999, 150_000, 272_001, 900_000))
    usage = {"input": into, "output": chance.randint(1, 9000)}
    if chance.random() < 0.3:
        usage["cache_read"] = chance.randint(1, into)
    return usage


def any_usage(chance: Chance, sold: Collection[str] = (), certain: str = "") -> dict[str, int]:
    """Every part there is, inside its total; of ``sold`` columns alone, where they are named, ``certain`` one surely."""
    leaf = dict.fromkeys(PARTS, 0)
    for name in PARTS:
        column = UNITS[name].get("column", name)
        if column == certain or (chance.random() < 0.15 and (not sold or column in sold)):
            leaf[name] = chance.randint(1, 5000)
    usage = dict(leaf)
    for name in reversed(PARTS):
        for total in UNITS[name]["parents"]:
            if total in usage:
                usage[total] += usage[name]
    for total in ("input", "output"):
        text = chance.choice((0, 1, 4000, 300_000)) * (not sold or total in sold)
        usage[total] = text + sum(leaf[name] for name in PARTS if "column" in UNITS[name] and _inside(name, total))
    return {name: count for name, count in usage.items() if count or name in ("input", "output")}


def _inside(name: str, total: str) -> bool:
    return any(parent == total or _inside(parent, total) for parent in UNITS[name]["parents"])


def wrong_usage(chance: Chance) -> dict[str, int]:
    """Impossible counts: negative, larger than their total, or larger than any call."""
    usage = any_usage(chance) if chance.random() < 0.5 else text_usage(chance)
    huge = (-1, -LARGEST - 1, LARGEST, LARGEST - 1, 2**62, 10**15, 2**53 + 1, 3 * 10**11, 10**12, 0)
    for name in chance.sample(("input", "output", *PARTS), chance.randint(1, 3)):
        usage[name] = chance.choice(huge)
    return usage


def less_usage(chance: Chance) -> dict[str, int] | None:
    """A response that left counts out."""
    if chance.random() < 0.3:
        return None
    usage = any_usage(chance)
    for name in chance.sample(("input", "output"), chance.randint(1, 2)):
        del usage[name]
    return usage


def usage_of(chance: Chance) -> dict[str, int] | None:
    """Any of them."""
    return chance.choice((text_usage, any_usage, any_usage, wrong_usage, less_usage))(chance)


def second(moment: str) -> int:
    """Unix seconds of a date or a UTC instant."""
    parsed = datetime.fromisoformat(moment)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def moments(periods: list[dict[str, Any]], calendars: dict[str, list[str]]) -> list[int]:
    """The seconds at which a plan may change its mind: period starts, and minute edges of windows on telling days."""
    edges = [second(period["from"]) for period in periods if "from" in period]
    dates = {"2026-11-18", "2026-11-21", "2026-11-22", "2026-11-23", "2026-09-12", "1969-12-31"}
    for period in periods:
        for window in period.get("windows", ()):
            days = sorted(dates.union(calendars.get(window.get("except", ""), ())))
            edges += [second(day) + 60 * window[edge] for day in days for edge in ("start", "end")]
    return sorted({edge + step for edge in edges for step in (-1, 0, 1)})
