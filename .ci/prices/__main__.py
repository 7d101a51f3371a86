"""Compiles the price catalogue: ``python .ci/prices [--version 0.2.3 | --wheel FILE] [--check] [--accept]``.

Without ``--wheel`` the wheel of genai-prices comes from the package index through pip into a throw-away folder.
``--check`` compares with the catalogue in the repository and writes nothing. ``--accept`` writes despite gates that
found something, after a person has read it.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import emit
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


def compile_catalogue(wheel: Path) -> tuple[str, list[str]]:
    """The catalogue's text and the faults that its own content shows."""
    source = upstream.read(wheel)
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
    sellers["vertex"] = copy.deepcopy(sellers["google"])
    refused: dict[str, dict[str, str]] = {}
    overlay.apply(sellers, refused, rules["row"])
    as_of = rules["as_of"].isoformat()
    text = emit.catalogue(sellers, refused, faces, _head(source, rules, as_of), rules["calendars"])
    new: dict[str, Any] = json.loads(text)
    return text, gates.overlay_age(rules["row"], as_of) + gates.fractions(source) + gates.inner(new)


def _head(source: upstream.Upstream, rules: dict[str, Any], as_of: str) -> dict[str, Any]:
    fields = ("id", "why", "source", "read", "expires")
    return {
        "schema": 1,
        "version": f"{as_of.replace('-', '.')}+genai-prices-{source.version}+o{rules['version']}",
        "as_of": as_of,
        "notice": NOTICE,
        "source": {"name": "genai-prices", "version": source.version, "sha256": source.sha256, "licence": "MIT"},
        "overlay": [{key: str(row[key]) for key in fields} for row in rules["row"]],
    }


def fetch(version: str, folder: str) -> Path:
    """The wheel of one version, without its dependencies, by the one pip that the Makefile keeps."""
    pip = [str(ROOT / ".venvs" / "uv" / "bin" / "python"), "-m", "pip"]
    command = [*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", folder, f"genai-prices=={version}"], check=True)
    return next(Path(folder).glob("genai_prices-*.whl"))


def main() -> int:
    """Compile, compare, write; 0 when the file in the repository is, or becomes, the one that the sources give."""
    parser = argparse.ArgumentParser(prog="python .ci/prices", description=__doc__)
    parser.add_argument("--version", default=upstream.READABLE[-1])
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--accept", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, faults = compile_catalogue(args.wheel or fetch(args.version, folder))
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
