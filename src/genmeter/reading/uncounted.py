"""Counts of usage in a record that no field of the table reads: the call that has one is priced in part.

The rule stands in ``data/conventions.json`` under ``uncounted``, for Python and Go: ``prefixes`` of attributes that hold
usage, ``parts`` that are known to be in another count, and the words that say that a number is ``measured`` and counts
nothing. The readers inside an application have the same rule: ``metering/dialects/counts.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from genmeter.model import MOST_TOKENS
from genmeter.reading.conventions import Conventions, whole
from genmeter.spelling import words

LONGEST = 64
"""Characters of a name that are kept: the name is the sender's."""
MOST = 8
"""Names that are kept of one call."""


def uncounted(attributes: Mapping[str, object], table: Conventions) -> tuple[tuple[str, int], ...]:
    """The name of each such attribute with its count; a count of 0 for a number that is not whole.

    A part that is no number is one of them: the price leaves it out too.

    >>> from genmeter.reading.conventions import bundled
    >>> call = {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.zebra_tokens": 7, "gen_ai.usage.total_tokens": 16}
    >>> uncounted(call, bundled())
    (('gen_ai.usage.zebra_tokens', 7),)
    """
    found: list[tuple[str, int]] = []
    for name, value in attributes.items():
        if name in table.parts and value is not None and whole(value) is None:
            found.append((name[:LONGEST], 0))
        if not name.startswith(table.prefixes) or name in table.counted or isinstance(value, bool):
            continue
        count = whole(value)
        fraction = count is None and isinstance(value, float) and value > 0
        if (fraction or (count is not None and count > 0)) and not words(name.rpartition(".")[2]) & table.measured:
            found.append((name[:LONGEST], min(count or 0, MOST_TOKENS)))
    return tuple(found[:MOST])
