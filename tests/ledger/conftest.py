"""The servers that tests of stores need, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ledger import postgres


@pytest.fixture(scope="session", autouse=True)
def servers_end_with_the_tests() -> Iterator[None]:
    yield
    postgres.close()


@pytest.fixture(autouse=True)
def databases_are_empty_for_the_next_test() -> Iterator[None]:
    yield
    postgres.give_back()
