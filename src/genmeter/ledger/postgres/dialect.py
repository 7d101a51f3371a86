"""The ledger's SQL in PostgreSQL's words: the questions are written once, for SQLite, and few words of them differ.

What SQLite has as a function and PostgreSQL has not is a function in the schema of the ledger (``FUNCTIONS``). So a statement
changes only where it names the column ``user``, which is a word of PostgreSQL's own, and in the ``_PHRASES``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from genmeter.ledger.sqlite.schema import DAILY_KEYS

_PHRASES: Final = (
    ("json_patch('{}', json_object(", "told(jsonb_build_object("),
    ("SELECT value FROM json_each(?)", "SELECT jsonb_array_elements_text(?::jsonb)"),
    ("GROUP BY +", "GROUP BY "),
    ("CROSS JOIN quarantine q ON", "JOIN quarantine q ON"),
    ("%", "%%"),
    ("?", "%s"),
)
"""What a statement says for SQLite → the same for PostgreSQL and its driver. The plus keeps SQLite off an index,
and CROSS JOIN keeps the order of two tables."""
_USER: Final = re.compile(r'(?<![.\w"])user(?![\w"])')
_KEY: Final = ", ".join("bigint" if name == "day" else "text" for name in DAILY_KEYS)
_PLACES: Final = ", ".join(f"${place}" for place in range(1, len(DAILY_KEYS) + 1))

FUNCTIONS: Final = (
    "max(bigint, bigint) RETURNS bigint AS 'SELECT greatest($1, $2)'",
    "min(bigint, bigint) RETURNS bigint AS 'SELECT least($1, $2)'",
    "hex(text) RETURNS text AS 'SELECT $1'",
    "typeof(text) RETURNS text AS 'SELECT ''text''::text'",
    "instr(text, text) RETURNS integer AS 'SELECT strpos($1, $2)'",
    "json_extract(text, text) RETURNS text AS 'SELECT $1::json ->> substr($2, 3)'",
    "told(jsonb) RETURNS text AS 'SELECT jsonb_strip_nulls($1)::text'",
    # the key of a sum of a day may be longer than an index of PostgreSQL takes
    f"json_array({_KEY}) RETURNS text AS 'SELECT md5(jsonb_build_array({_PLACES})::text)'",
)
"""Functions of SQLite, made of PostgreSQL's. The ids of calls are text here, and never bytes."""

_TYPES: Final = (
    (r"\bINTEGER\b", "bigint"),
    (r"\b(TEXT|ANY)\b", 'text COLLATE "C"'),
    (r"\bWITHOUT ROWID\b|\bSTRICT\b", ""),
)
_EMPTY: Final = re.compile(r"\)[\s,]*;")


@lru_cache(maxsize=4096)
def translated(statement: str) -> bytes:
    """A statement of SQLite as PostgreSQL and its driver take it.

    >>> translated("SELECT user, value % 2 FROM marks WHERE name = ?")
    b'SELECT "user", value %% 2 FROM marks WHERE name = %s'
    """
    for ours, theirs in _PHRASES:
        statement = statement.replace(ours, theirs)
    return _USER.sub('"user"', statement).encode()


def script(statement: str) -> str:
    """A statement of one of SQLite's migrations as PostgreSQL takes it.

    >>> script("ALTER TABLE kinds ADD COLUMN agent TEXT;")
    'ALTER TABLE kinds ADD COLUMN agent text COLLATE "C";'
    """
    for ours, theirs in _TYPES:
        statement = re.sub(ours, theirs, statement)
    return _USER.sub('"user"', _EMPTY.sub(");", statement))
