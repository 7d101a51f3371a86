"""The package as syntax trees, and the repository as the files that git tracks."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "genmeter"
TARGETS = frozenset(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
"""What `make` lists."""


@cache
def modules() -> dict[str, ast.Module]:
    """Dotted name below ``genmeter`` → syntax tree; a package is named as its folder, the root is ``""``."""
    found: dict[str, ast.Module] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def is_package(name: str) -> bool:
    """Whether the module is a folder's ``__init__``."""
    return (PACKAGE / Path(*name.split("."), "__init__.py")).is_file() if name else True


def imports(name: str) -> Iterator[tuple[str, int]]:
    """Every absolute name that a module imports, wherever in it (late imports and those for types count), and where."""
    package = ["genmeter", *(name.split(".") if name else [])]
    if not is_package(name):
        package.pop()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from ((".".join([*base, alias.name]), node.lineno) for alias in node.names)


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the constants that are docstrings, of attributes too: a bare string says, it does not name."""
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks or would: what a clone of the next commit holds."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git work tree")
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
