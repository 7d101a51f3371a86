"""The ledger in one SQLite file.

``store`` is what the ledger holds; it writes with ``write``, answers by ``read`` and ``watch`` and stays bounded by
``trim``. ``database`` owns the connections, ``schema`` the tables. Another database is another ``Store``: it passes
``tests/ledger/test_stores.py``, and ``Ledger`` takes it.
"""

from genmeter.ledger.sqlite.database import MEMORY
from genmeter.ledger.sqlite.store import SqliteStore
from genmeter.ledger.sqlite.trim import MAX_CALLS, MAX_SPANS, STEP, Caps

__all__ = ["MAX_CALLS", "MAX_SPANS", "MEMORY", "STEP", "Caps", "SqliteStore"]
