"""Marks of this room: what needs the network is skipped unless it is asked for."""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "network: reaches a package index; set GENMETER_NETWORK=1 to run it")
    config.addinivalue_line("markers", "slow: takes seconds")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("GENMETER_NETWORK") == "1" or os.environ.get("GENAI_PRICES_WHEEL"):
        return
    for item in items:
        if item.get_closest_marker("network") and "pricing" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="needs the package index; set GENMETER_NETWORK=1"))
