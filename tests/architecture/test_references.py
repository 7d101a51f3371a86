"""Names in ``double backticks`` in docstrings exist: a reader who looks for one finds it."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise

import pytest

from tests.architecture.tree import modules

REFERENCE = re.compile(r"``([^`\n]+)``|:(?:class|func|meth|mod|attr|data):`~?\.?([^`\n]+)`")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
ELSEWHERE = {
    "uvicorn": "a server, in an example",
    "executescript": "a method of sqlite3 that is not used, with the reason",
    "contextlib.aclosing": "the standard library's, which an app uses",
    "package.Class": "how a name is made",
    "pre_instrument": "a group of entry points in pyproject.toml",
    "Owner.method": "how a method is named in a table",
    "AsyncOwner.method": "how a method is named in a table",
    "ClientError.response": "an attribute of botocore's exception",
    "APIStatusError.status_code": "an attribute of the SDKs' exception",
    "with_raw_response": "an attribute of the SDKs",
    "with_streaming_response": "an attribute of the SDKs",
}
"""Names in docstrings that no code here spells, with the reason."""


def said(tree: ast.Module) -> list[tuple[int, str]]:
    """Each name in the docstrings of a module, those of attributes too, and the line where the docstring begins."""
    return [
        (node.lineno, name.removesuffix("()"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for found in REFERENCE.findall(node.value.value)
        if NAME.fullmatch(name := found[0] or found[1])
    ]


def spelled(tree: ast.AST, skip: set[int]) -> set[str]:
    """Every identifier of a piece of code, and every word of its texts."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            if isinstance(word := getattr(node, field, None), str):
                found |= {*word.split(".")}
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
            found |= {*re.findall(r"\w+", node.value)}
    return found


@cache
def known() -> tuple[set[str], dict[str, set[str]]]:
    """All names of the package, and per class of its own the names that its body spells."""
    names, classes = {"genmeter"}, dict[str, set[str]]()
    for module, tree in modules().items():
        skip = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        names |= {*module.split("."), *spelled(tree, skip)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                inherited = any(
                    isinstance(base, ast.Name) and base.id not in ("Protocol", "NamedTuple") for base in node.bases
                )
                # What a base class of another place brings is not followed.
                classes.setdefault(node.name, set()).update(spelled(node, skip) | ({"*"} if inherited else set()))
    return names, classes


def exists(name: str) -> bool:
    """Whether every part of a dotted name is spelled somewhere, and what follows a class of ours in that class."""
    names, classes = known()
    parts = name.split(".")
    return all(part in names for part in parts) and all(
        inner in classes[outer] or "*" in classes[outer] for outer, inner in pairwise(parts) if outer in classes
    )


@pytest.mark.parametrize("name", modules())
def test_every_name_that_a_docstring_cites_exists(name: str) -> None:
    missing = [
        f"line {line}: {cited}" for line, cited in said(modules()[name]) if cited not in ELSEWHERE and not exists(cited)
    ]
    assert missing == []


def test_the_exceptions_are_still_cited() -> None:
    cited = {name for tree in modules().values() for _, name in said(tree)}
    assert {name for name in ELSEWHERE if name not in cited or exists(name)} == set()


def test_a_name_that_does_not_exist_is_found() -> None:
    assert exists("Settings.load") and exists("genmeter.settings.Settings") and exists("Catalogue.price")
    assert not exists("Settings.lode") and not exists("genmeter.settings.Setings") and not exists("Dimension_")
