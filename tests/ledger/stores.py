"""The stores that keep one contract. A new store is one line of ``STORES``, and every promise of a store is tried on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genmeter.ledger.postgres import PostgresStore
from genmeter.ledger.sqlite import MEMORY, Caps, SqliteStore
from genmeter.ledger.sqlite.store import Booker
from tests.ledger import postgres

STORES: dict[str, Callable[[Path, Caps], Booker]] = {
    "sqlite": lambda folder, caps: SqliteStore(str(folder / "ledger.db"), caps),
    "sqlite in memory": lambda folder, caps: SqliteStore(caps=caps),
    "postgres": lambda folder, caps: PostgresStore(place("postgres", folder), caps),
}
"""Name → how a store is opened; opened again on the same folder, it is the same store, where it keeps anything."""
APART = ("sqlite in memory", "postgres")
"""One store of each kind, for what is the same in a file and in memory."""
KEPT = [name for name in STORES if name != "sqlite in memory"]


def place(store: str, folder: Path) -> str:
    """Where the store of this name keeps the ledger of a test, as ``Ledger.open`` takes it. Skips the test without a server."""
    if store != "postgres":
        return str(folder / "ledger.db") if store in KEPT else MEMORY
    if (reason := postgres.absent()) is not None:
        pytest.skip(reason)
    return postgres.server().database_of(folder)
