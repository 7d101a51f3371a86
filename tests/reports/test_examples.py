"""The examples in the docstrings of the reports are run, and each public function has one."""

from __future__ import annotations

import doctest
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
def test_the_examples_of_the_docstrings_say_what_happens(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    module = importlib.import_module(name)
    functions = [one for one in vars(module).values() if inspect.isfunction(one) and one.__module__ == name]
    lacking = [
        one.__name__ for one in functions if not one.__name__.startswith("_") and ">>>" not in (one.__doc__ or "")
    ]
    assert lacking == []
