"""Money as the ledger keeps it: integers of 1e-12 of a currency unit, read without a float in between; ``model.usd`` writes them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

LARGEST = 2**63 - 1
"""The largest amount of one call that fits the store, $9.2 million."""
_SHORT = 999
_EXACT = Context(prec=60)
_WRITTEN = re.compile(r"[0-9.eE+-]{1,64}")
"""The letters of an amount in a text, as the collector reads it: ``Decimal`` takes spaces and underscores, too."""


def to_pico(amount: object) -> int | None:
    """The pico amount of an attribute: a double, an int or a decimal string. None when it is no amount of money.

    A double is read through its shortest decimal form, so 0.1 is a tenth and not 0.1000000000000000055.
    """
    if type(amount) is float and 0 <= amount < _SHORT:
        # up to 15 digits, an amount of whole pico and its double stand for each other: no decimal is needed
        pico = round(amount * 1e12)
        if pico / 1e12 == amount:
            return pico
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        return None
    if isinstance(amount, str) and not _WRITTEN.fullmatch(amount):
        return None
    try:
        exact = Decimal(amount if isinstance(amount, str) else repr(amount))
    except InvalidOperation:
        return None
    # adjusted() first: int() of 1e999999 would fill the memory
    if not exact.is_finite() or exact < 0 or exact.adjusted() > 7:
        return None
    pico = int(exact.scaleb(12, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    return pico if pico <= LARGEST else None
