"""``python -m tests.providers.table``: the rows of README.md's table of SDKs, from the tables, the locks and the contract.

``make readme`` writes it into the page; tests/architecture/test_sdks_table.py compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import groupby

from genmeter import names
from genmeter.metering.families.door import Door
from genmeter.metering.spec import Dialect, Provider, Target
from tests.architecture.tree import ROOT

from .contract import Sdk
from .listed import LISTED
from .test_identity import tables_of

HEAD = "| SDK | tested versions | calls | units | who sells |\n|---|---|---|---|---|\n"
PLACE = re.compile(r"^\| SDK \| tested versions \|.*\n\|[-|]+\n(?:\|.*\n)+", re.MULTILINE)
"""Where the table stands in the page."""
SHAPES = {"gemini": "google", "bedrock": "bot", "converse": "bot"}
"""First word of a dialect's name → what its own SDKs have in their names, where that is another word."""
LOCKS = ("openai1-anthropic0", "openai2-anthropic1", "openai3-anthropic2", "sdks-oldest", "sdks-newest")
"""The environments in which SDKs are tested."""
WORDS = {
    "completions": "text completions",
    "transcripts": "transcriptions",
    "parse": "parsed pages",
    "prediction": "predictions",
    "media": "images and video",
    "converse": "Converse",
    "invoke": "InvokeModel",
    "gemini": "generate_content",
    "stream": "",
    "fetch": "",
}
"""What the last word of a dialect's name stands for; empty: for a call that another word names."""


def versions(distribution: str, since: tuple[int, ...]) -> str:
    """The versions of a package that the locks hold, from the first that is metered on: ``1.109, 2.54, 3.57``."""
    found: set[tuple[int, ...]] = set()
    for name in LOCKS:
        text = (ROOT / ".ci" / "locks" / f"{name}.txt").read_text(encoding="utf-8")
        for version in re.findall(rf"^{re.escape(distribution)}==(\d+)\.(\d+)", text, re.MULTILINE | re.IGNORECASE):
            found.add(tuple(map(int, version)))
    return ", ".join(".".join(map(str, version)) for version in sorted(found) if version >= since)


def calls(sdks: list[Sdk], tables: list[Provider]) -> str:
    """The operations that are metered, and the forms in which they are tested."""
    dialects = dict.fromkeys(dialect.name for table in tables for target in table.targets for dialect in spoken(target))
    words = dict.fromkeys(word for name in dialects if (word := WORDS.get(last := name.rpartition("_")[2], last)))
    every = [call for sdk in sdks for call in sdk.calls]
    forms = {
        "sync": any(sdk.client for sdk in sdks),
        "async": any(sdk.async_client for sdk in sdks),
        "streams": any(call.streams for call in every),
        "raw responses": any("raw" in call.values for call in every),
        "`client.post`": any(isinstance(target, Door) for table in tables for target in table.targets),
    }
    kept = "" if all(sdk.kept for sdk in sdks) else "; methods that the app bound before genmeter pass"
    return f"{', '.join(words)}; {', '.join(form for form, there in forms.items() if there)}{kept}"


def spoken(target: Target) -> Iterable[Dialect]:
    """The dialects of one row of a table."""
    return (target.dialect,) if isinstance(target.dialect, Dialect) else target.dialect.values()


def units(sdks: list[Sdk], tables: list[Provider]) -> str:
    """The units that the contract's calls report, and those of the published bodies of the SDK's own wire shapes."""
    told = {unit for sdk in sdks for call in sdk.calls for unit in (call.streamed or call.expected).tokens}
    told |= {unit for sdk in sdks for call in sdk.calls for unit in call.expected.tokens}
    spoken_here = {dialect.name for table in tables for target in table.targets for dialect in spoken(target)}
    # Other SDKs speak OpenAI's shape too, and their servers report a part of its units.
    for name in (
        one for one in spoken_here if SHAPES.get(first := one.partition("_")[0], first) in sdks[0].distribution
    ):
        for vector in (ROOT / "tests" / "vectors" / "usage" / name).glob("*.json"):
            told |= set(json.loads(vector.read_text(encoding="utf-8"))["usage"] or ())
    return ", ".join(unit.replace("_", " ") for unit in names.USAGE_TOKENS if unit in told)


def row(distribution: str, sdks: list[Sdk]) -> str:
    """One SDK."""
    tables = list({id(table): table for sdk in sdks for table in tables_of(sdk)}.values())
    sellers = dict.fromkeys(name for table in tables for name in (table.name, *table.modes.values()))
    sellers |= dict.fromkeys(call.expected.provider for sdk in sdks for call in sdk.calls)
    cells = [
        f"`{distribution}`",
        versions(distribution, min(sdk.since for sdk in sdks)),
        calls(sdks, tables),
        units(sdks, tables),
        ", ".join(sellers),
    ]
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    """The whole table."""
    listed = sorted(LISTED, key=lambda sdk: sdk.distribution)
    return HEAD + "".join(row(name, list(sdks)) for name, sdks in groupby(listed, key=lambda sdk: sdk.distribution))


if __name__ == "__main__":
    print(table(), end="")
