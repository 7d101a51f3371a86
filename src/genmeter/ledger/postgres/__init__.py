"""The ledger in a PostgreSQL database, which several services may share.

The SQL is the one of SQLite: ``dialect`` puts it into PostgreSQL's words, statement by statement, and ``schema`` makes the
tables and the few functions that SQLite has and PostgreSQL has not. ``connection`` writes and reads, ``database`` holds the
connections, and ``store`` is what the ledger takes. The driver is psycopg, of the extra ``genmeter[postgres]``.
"""

from genmeter.ledger.postgres.store import PostgresStore
from genmeter.ledger.postgres.url import is_url

__all__ = ["PostgresStore", "is_url"]
