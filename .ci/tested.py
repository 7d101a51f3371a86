"""Writes which versions of each SDK the tests run on, from the locks, for ``genmeter doctor``.

``python .ci/tested.py`` writes ``src/genmeter/diagnosis/tested.json``; ``--check`` writes nothing, and fails where it is old.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / ".ci" / "locks"
TARGET = ROOT / "src" / "genmeter" / "diagnosis" / "tested.json"
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;]+)", re.MULTILINE)
FIRST = "openai3-anthropic2"


def sdks() -> list[str]:
    """The distributions that ``genmeter.diagnosis.packages`` names."""
    tree = ast.parse((TARGET.parent / "packages.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "SDKS":
            return list(ast.literal_eval(node.value or ast.Dict()))
    raise SystemExit(f"{TARGET.parent / 'packages.py'} has no SDKS")


def versions() -> dict[str, list[str]]:
    """Distribution → the versions that some lock of the tests pins, the oldest first."""
    locks = [path for path in LOCKS.glob("*.txt") if re.match("openai|sdks", path.name)]
    pins = [pin for path in locks for pin in PIN.findall(path.read_text(encoding="utf-8"))]
    found = {name: {version for one, version in pins if one == name} for name in sdks()}
    return {name: sorted(found[name], key=numbers) for name in sorted(found) if found[name]}


def numbers(version: str) -> list[int]:
    """The version as numbers that sort."""
    return [int(part) for part in re.findall(r"\d+", version)]


def main() -> int:
    """Write the file, or check it."""
    text = json.dumps(versions(), indent=2) + "\n"
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET.relative_to(ROOT)} is older than the locks: run python .ci/tested.py", file=sys.stderr)
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
