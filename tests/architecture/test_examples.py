"""The examples in docstrings are true."""

from __future__ import annotations

import ast
import doctest
import importlib

import pytest

from tests.architecture.tree import modules


@pytest.mark.parametrize("name", [name for name, tree in modules().items() if ">>> " in ast.unparse(tree)])
def test_examples_in_docstrings_print_what_they_show(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"genmeter.{name}" if name else "genmeter"))
    assert found.attempted > 0 and found.failed == 0
