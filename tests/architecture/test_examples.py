"""The examples in docstrings are true."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
from types import FunctionType

import pytest

from tests.architecture.tree import modules


@pytest.mark.parametrize("name", [name for name, tree in modules().items() if ">>> " in ast.unparse(tree)])
def test_examples_in_docstrings_print_what_they_show(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"genmeter.{name}" if name else "genmeter"))
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.parametrize("room", ["genmeter", "genmeter.pricing", "genmeter.reading"])
def test_what_a_room_offers_is_shown_in_an_example(room: str) -> None:
    face = importlib.import_module(room)
    offered = {name: getattr(face, name) for name in face.__all__}
    wordless = [name for name, one in offered.items() if is_program(one) and ">>> " not in words(one)]
    assert wordless == []


def is_program(one: object) -> bool:
    """A function, or a class with methods of its own; errors and plain records explain themselves by their fields."""
    if isinstance(one, type):
        records = issubclass(one, BaseException | tuple) or hasattr(one, "__dataclass_fields__")
        return not records and any(isinstance(method, FunctionType) for method in vars(one).values())
    return isinstance(one, FunctionType)


def words(one: object) -> str:
    """The docstring of a function; of a class with those of its methods."""
    parts = [one, *vars(one).values()] if isinstance(one, type) else [one]
    return "\n".join(inspect.getdoc(part) or "" for part in parts)
