"""Every exception of genmeter's own has one base, and the built-in base that it had before."""

from __future__ import annotations

import importlib

import genmeter
from tests.architecture.tree import modules


def test_every_exception_of_ours_is_a_genmeter_error() -> None:
    found: set[type[BaseException]] = set()
    for name in modules():
        if name != "__main__":  # it runs the command
            module = importlib.import_module(f"genmeter.{name}" if name else "genmeter")
            found |= {
                one
                for one in vars(module).values()
                if isinstance(one, type) and issubclass(one, BaseException) and one.__module__ == module.__name__
            }
    assert {one.__qualname__ for one in found if not issubclass(one, genmeter.GenmeterError)} == set()
    assert {"SettingsError", "PricesError", "BudgetsError", "StorageError", "BadPayload"} <= {
        one.__name__ for one in found
    }


def test_except_clauses_for_the_built_in_bases_still_catch_them() -> None:
    from genmeter.budgets import BudgetsError
    from genmeter.ledger import BadPayload, StorageError
    from genmeter.pricing import PricesError
    from genmeter.settings import SettingsError

    assert all(issubclass(one, ValueError) for one in (SettingsError, PricesError, BudgetsError, BadPayload))
    assert all(
        issubclass(one, RuntimeError) for one in (StorageError, genmeter.BudgetExceeded, genmeter.UnattributedCall)
    )
