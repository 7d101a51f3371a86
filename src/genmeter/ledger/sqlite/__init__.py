"""The ledger in one SQLite file.

``store`` is what the ledger holds; it writes with ``write``, answers by ``read`` and ``watch`` and stays bounded by
``trim``. ``database`` owns the connections, ``schema`` the tables. A store of another database passes the tests in
``tests/ledger/test_stores.py``, which say what a store promises.
"""

from genmeter.ledger.sqlite.database import MEMORY
from genmeter.ledger.sqlite.store import SqliteStore
from genmeter.ledger.sqlite.trim import MAX_CALLS, MAX_SPANS, STEP, Caps

__all__ = ["MAX_CALLS", "MAX_SPANS", "MEMORY", "STEP", "Caps", "SqliteStore"]
