"""Compiles the price catalogue: ``python .ci/prices [--wheel FILE | --data FILE] [--check] [--accept] [--gaps [FILE]]``.

Without a file the newest wheel of genai-prices comes from the package index through pip into a throw-away folder. The
tables that genai-prices has published since that release count where they can be read. ``--check`` compiles the release
that the catalogue in the repository names, compares, and writes nothing. ``--accept`` writes despite gates that found
something, after a person has read it. ``--gaps`` compares with LiteLLM's map and writes nothing.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import compare
import emit
import fetching
import gates
import lower
import overlay
import upstream

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
DATA = SOURCES / "genmeter" / "pricing" / "data"
TARGET = DATA / "catalogue.json"
TWIN = SOURCES / "genaicostprocessor" / "internal" / "pricing" / "data" / "catalogue.json"
"""The same bytes once more: Go embeds only what lies inside its own package."""

NOTICE = "Prices compiled from genai-prices (MIT, Copyright (c) Pydantic Services Inc. 2025 to present); see NOTICE."


def compile_catalogue(source: upstream.Upstream, day: str) -> tuple[str, list[str]]:
    """The catalogue's text and the faults that its own content shows; ``day`` is the date of the upstream tables."""
    rules = tomllib.loads((DATA / "overlay.toml").read_text(encoding="utf-8"))
    faces = tomllib.loads((DATA / "sellers.toml").read_text(encoding="utf-8"))
    sellers: overlay.Sellers = {}
    for provider in source.providers:
        models = [lower.model(provider.id, model) for model in provider.models]
        sellers[provider.id] = {model.id: model for model in models}
    for unsold in ("openai-decisions",):
        del sellers[unsold]
    if strangers := sorted(set(sellers) - set(faces)):
        raise upstream.LayoutError(f"providers that sellers.toml does not name: {', '.join(strangers)}")
    # Google's page of Vertex AI has a list of its own, which says the same of these models; the overlay says where not.
    sellers["vertex"] = copy.deepcopy(sellers["google"])
    dates = dict.fromkeys(sellers, day)
    for row in rules["row"]:
        for seller in [row["seller"]] if isinstance(row["seller"], str) else row["seller"]:
            dates[seller] = max(dates.get(seller, ""), row["read"].isoformat())
    refused: dict[str, dict[str, str]] = {}
    overlay.apply(sellers, refused, rules["row"])
    for seller, date in dates.items():
        faces[seller]["as_of"] = date
    as_of = max(dates.values())
    text = emit.catalogue(sellers, refused, faces, _head(source, day, rules, as_of), rules["calendars"])
    new: dict[str, Any] = json.loads(text)
    return text, gates.overlay_age(rules["row"], as_of) + gates.fractions(source) + gates.inner(new)


def _head(source: upstream.Upstream, day: str, rules: dict[str, Any], as_of: str) -> dict[str, Any]:
    fields = ("id", "why", "source", "read", "expires")
    origin = {"name": "genai-prices", "version": source.version, "sha256": source.sha256, "licence": "MIT", "date": day}
    return {
        "schema": 1,
        "version": f"{as_of.replace('-', '.')}+genai-prices-{source.version}+o{rules['version']}",
        "as_of": as_of,
        "notice": NOTICE,
        "source": origin,
        "overlay": [{key: str(row[key]) for key in fields} for row in rules["row"]],
    }


def sources(args: argparse.Namespace, folder: str) -> tuple[upstream.Upstream, str]:
    """The upstream tables and their date: the files that were named, the release to check, or the newest there is."""
    known: dict[str, str] = json.loads(TARGET.read_text(encoding="utf-8"))["source"] if TARGET.is_file() else {}
    wheel = args.wheel or fetching.wheel("genai-prices", known.get("version") if args.check else None, folder)
    release = upstream.read(wheel)
    days: dict[str, Any] = tomllib.loads((DATA / "overlay.toml").read_text(encoding="utf-8"))["released"]
    if args.data:
        return upstream.read_json(args.data.read_bytes(), release, fetching.today()), fetching.today()
    newer = None if args.check or args.wheel else fetching.page(upstream.NEWER)
    if newer is not None:
        return upstream.read_json(newer, release, fetching.today()), fetching.today()
    return release, str(days.get(release.version, fetching.today()))


def main() -> int:
    """Compile, compare, write; 0 when the file in the repository is, or becomes, the one that the sources give."""
    parser = argparse.ArgumentParser(prog="python .ci/prices", description=__doc__)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--gaps", nargs="?", const="", metavar="FILE")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--accept", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.gaps is not None:
            return compare.report(Path(args.gaps) if args.gaps else fetching.wheel("litellm", None, folder))
        text, faults = compile_catalogue(*sources(args, folder))
    old = TARGET.read_text(encoding="utf-8") if TARGET.is_file() else None
    changes: list[str] = []
    if old is not None and old != text:
        more, changes = gates.compare(json.loads(old), json.loads(text))
        faults += more
    print("\n".join([*changes, *(f"! {fault}" for fault in faults)]) or "no change" * (old == text))
    if args.check:
        twin = TWIN.is_file() and TWIN.read_text(encoding="utf-8") == text
        if not twin:
            print(f"{TWIN} is another catalogue; run `make prices`")
        return int(bool(faults) or old != text or not twin)
    if faults and not args.accept:
        print(f"{len(faults)} gates are shut; nothing written. Read them, then run again with --accept.")
        return 1
    for path in (TARGET, TWIN):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print("written; now `make vectors` asks the new catalogue")
    return 0


if __name__ == "__main__":
    sys.exit(main())
