"""Sizes that a reader can hold in mind, and a word of explanation on everything public."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator

import pytest

from tests.architecture.tree import PACKAGE, modules

FUNCTION_LINES, FUNCTION_P90, MODULE_LINES = 60, 30, 400
DATA = {"units.py"}
"""Modules that are data: a program writes them, and they grow by a line or two with each row of its table."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[str, Function]]:
    for name, tree in modules().items():
        yield from ((name, node) for node in ast.walk(tree) if isinstance(node, Function))


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_function_is_longer_than_sixty_lines():
    long = [f"{name}.{node.name}: {lines(node)}" for name, node in functions() if lines(node) > FUNCTION_LINES]
    assert long == []


def test_nine_functions_of_ten_fit_in_thirty_lines():
    assert statistics.quantiles([lines(node) for _, node in functions()], n=10)[-1] <= FUNCTION_P90


def test_no_module_is_longer_than_four_hundred_lines():
    long = {
        str(path.relative_to(PACKAGE)): count
        for path in PACKAGE.rglob("*.py")
        if path.name not in DATA and (count := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    }
    assert long == {}


@pytest.mark.parametrize("name", modules())
def test_modules_and_public_names_say_what_they_are_for(name):
    tree = modules()[name]
    silent = [] if ast.get_docstring(tree) else ["the module"]
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            silent.append(node.name)
    assert silent == []
