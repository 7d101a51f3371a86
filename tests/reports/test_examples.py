"""Each public function of the reports has an example in its docstring; tests/architecture/test_examples.py runs them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import genmeter.reports

MODULES = (
    "genmeter.instants",
    *(f"genmeter.reports.{found.name}" for found in pkgutil.iter_modules(genmeter.reports.__path__)),
)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    module = importlib.import_module(name)
    functions = [one for one in vars(module).values() if inspect.isfunction(one) and one.__module__ == name]
    lacking = [
        one.__name__ for one in functions if not one.__name__.startswith("_") and ">>>" not in (one.__doc__ or "")
    ]
    assert lacking == []
