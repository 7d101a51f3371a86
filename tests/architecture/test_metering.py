"""The engine knows no SDK: its parts import one way, and what SDKs are made of stands in families and providers alone."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import docstrings, imports, modules

KNOWS_AN_SDK = ("metering.families", "metering.providers")
WORDS = {
    "_client": "where a resource of an SDK keeps its client",
    "base_url": "where a client of an SDK keeps its address",
    "http_response": "where a raw response of an SDK keeps the HTTP response",
    "X-Stainless-Raw-Response": "how an app asks an SDK for a raw response",
    "_iterator": "where a stream of an SDK keeps its chunks",
    "stream_options": "how an OpenAI-shaped stream is asked for its usage",
    "_make_api_call": "the one method behind all operations of a client of botocore",
    "endpoint_url": "where a client of botocore keeps its address",
}
BELOW = {
    "shapes": {"spec", "guard", "context"},
    "families": {"shapes", "spec", "guard"},
    "dialects": {"spec", "parts", "errors"},
    "providers": {"families", "dialects", "spec"},
    "process": {"guard", "notices"},
    "metrics": {"process", "guard"},
    "payers": {"context", "notices", "process", "guard"},
    "blocks": {
        *("context", "errors", "exceptions", "guard", "metrics", "notices", "outer", "payers", "process", "telemetry"),
    },
    "stages": {"telemetry", "metrics", "payers", "guard", "exceptions", "blocks"},
    "call": {
        *("stages", "spec", "guard", "process", "telemetry", "content", "context", "endpoints", "errors", "coexist"),
        *("payers", "exceptions", "outer", "metrics", "blocks"),
    },
    "recording": {"call", "stages", "shapes", "dialects", "spec", "guard", "instrumentor"},
}
"""Folder of metering → what of metering it may import."""


def belongs(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def words_of(tree: ast.Module) -> set[str]:
    """Every name, attribute, parameter and text in a module, its docstrings left out."""
    said = docstrings(tree)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            found.add(node.value)
    return found


@pytest.mark.parametrize("name", [name for name in modules() if belongs(name, ("metering",))])
def test_only_families_and_providers_know_what_an_sdk_is_made_of(name: str) -> None:
    if not belongs(name, KNOWS_AN_SDK):
        assert words_of(modules()[name]) & set(WORDS) == set()


def test_the_words_are_those_that_the_families_use() -> None:
    known = {word for name, tree in modules().items() if belongs(name, KNOWS_AN_SDK) for word in words_of(tree)}
    # The method of botocore is named by a provider of a later change.
    assert set(WORDS) - {"_make_api_call"} <= known


@pytest.mark.parametrize("name", [name for name in modules() if name.count(".") == 2 and belongs(name, ("metering",))])
def test_the_parts_of_metering_import_one_way(name: str) -> None:
    folder = name.split(".")[1]
    prefix = "genmeter.metering."
    strays = [
        f"line {line}: {target}"
        for target, line in imports(name)
        if target.startswith(prefix)
        and (other := target.removeprefix(prefix).split(".")[0]) != folder
        and other not in BELOW[folder]
    ]
    assert strays == [], f"{folder}/ may import only {sorted(BELOW[folder])}"


def test_no_module_imports_itself_in_a_circle() -> None:
    """Imports for types count: two modules that need each other's types are one."""
    known = {name: {found for target, _ in imports(name) if (found := nearest(target)) != name} for name in modules()}
    assert [name for name in known if name in reached(name, known)] == []


def nearest(target: str) -> str:
    """The module of ours that an imported name lies in; the root for what is not ours."""
    name = target.removeprefix("genmeter.") if target.startswith("genmeter.") else ""
    while name not in modules():
        name = name.rpartition(".")[0]
    return name


def reached(start: str, known: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in known[waiting.pop()] - found - {""}:
            found.add(name)
            waiting.append(name)
    return found
