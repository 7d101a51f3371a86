"""A day of trimmed calls with very many names: the dearest sums of the day stay apart, and the others become few.

Each combination of model, payer and status is a row of ``daily`` for ever. A sender who makes up a name for each call would
make the file grow without end. Money, calls and counts of a day stay the same to the last unit: only names are lost.
"""

from __future__ import annotations

from typing import Final

from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.schema import DAILY_KEYS, SPAN_OF_TIME, SUMS, UNIT

MOST_OF_A_DAY: Final = 10_000
"""Sums that a day may have. Beyond, those of the least money lose names until as many are left."""
OTHERS: Final = "(others)"
"""What stands for a name that was lost."""
_NAMES: Final = (
    ("provider", "model", "scope", "error_type", "agent", "workflow", "agent_path"),
    ("user_hash", "application", "department", "environment"),
)
"""Names that are lost at first, and further names that are lost where that is not enough: these say who pays."""
_CROWDED: Final = "SELECT day FROM daily WHERE day IN ({}) GROUP BY day HAVING count(*) > ?"
_LEAST: Final = f"""
SELECT key FROM daily WHERE day = ? ORDER BY cost_units * {UNIT}.0 + cost_rest DESC, calls DESC, key LIMIT {2**62} OFFSET ?
"""


def relieve(connection: Connection, days: set[int]) -> None:
    """Take names out of the sums of these days since 1970, where a day has too many, in the transaction that is open."""
    listed = ", ".join(str(day) for day in days)
    for (day,) in connection.execute(_CROWDED.format(listed), (MOST_OF_A_DAY,)).fetchall():
        for lost in (_NAMES[0], (*_NAMES[0], *_NAMES[1])):
            # half of the room stays free, or each batch of a crowded day would sort all of it
            _merge(connection, day, MOST_OF_A_DAY // 2, lost)
            if connection.execute("SELECT count(*) FROM daily WHERE day = ?", (day,)).fetchone()[0] <= MOST_OF_A_DAY:
                break


def _merge(connection: Connection, day: int, kept: int, lost: tuple[str, ...]) -> None:
    """Merge the sums of a day behind the ``kept`` dearest, without the names that are ``lost``."""
    # a name that there never was stays unknown
    named = {name: f"CASE WHEN {name} IS NOT NULL THEN '{OTHERS}' END" if name in lost else name for name in DAILY_KEYS}
    sums = [f"sum({name})" for name in SUMS]
    connection.execute("CREATE TEMP TABLE merged AS SELECT * FROM daily WHERE false")
    connection.execute(
        f"INSERT INTO merged ({', '.join(('key', *DAILY_KEYS, *SUMS, *SPAN_OF_TIME))}) SELECT json_array({', '.join(named.values())}),"
        f" {', '.join((*named.values(), *sums))}, min(first_ns), max(last_ns) FROM daily WHERE key IN ({_LEAST})"
        f" GROUP BY {', '.join(str(n + 2) for n in range(len(named)))}",
        (day, kept),
    )
    connection.execute(f"DELETE FROM daily WHERE key IN ({_LEAST})", (day, kept))
    # the names of an older genmeter's keys are not in order: a row is known by its key alone
    connection.execute(
        f"INSERT INTO daily ({', '.join(('key', *DAILY_KEYS, *SUMS, *SPAN_OF_TIME))})"
        f" SELECT {', '.join(('key', *DAILY_KEYS, *SUMS, *SPAN_OF_TIME))} FROM merged WHERE true"
        f" ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = daily.{name} + excluded.{name}' for name in SUMS)},"
        " first_ns = min(daily.first_ns, excluded.first_ns), last_ns = max(daily.last_ns, excluded.last_ns)"
    )
    connection.execute("DROP TABLE merged")
