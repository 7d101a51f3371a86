"""Adjustments: how a sum is put right without a change of a call that is booked.

A booked call is evidence and stays as it came. Another price, a correction, a call that came after its period was
sealed: each is a row of its own, with a sign, that counts in a period which is still open. A store adds these rows to
every sum once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from genmeter.ledger.call import Call

AFTER_SEAL, REPRICED, LEARNED, WITHDRAWN = "after_seal", "repriced", "learned", "withdrawn"
"""Reasons of a store's own: a call came after its period was sealed; a call has another price; a second signal told
more of a sealed call; a sealed call turned out to be a second record of another one."""
CORRECTED: Final = "corrected"
"""Reason of a person's correction, such as another department. Others may be given, in one word."""


class Adjustment(NamedTuple):
    """One signed row beside the booked calls. ``call`` has the money, the tokens and whom they belong to.

    ``sign`` is 1 to count the call and -1 to take it back; the amounts in ``call`` are never negative. ``is_call`` is
    False for an amount that is no call of its own, such as a credit: its money and tokens count, and no call does.
    ``counted_ns`` is the Unix ns at which it counts. None lets the store choose: the start of the call while that
    period is open, else the present. ``why`` is one sentence for a person. ``batch`` names the run that made it.
    Two rows with the same key, batch, sign and reason are one. ``number`` and ``made_ns`` are given by the store.
    """

    call: Call
    sign: int
    reason: str
    why: str = ""
    batch: str = ""
    is_call: bool = True
    counted_ns: int | None = None
    made_ns: int = 0
    number: int = 0


class Revision(NamedTuple):
    """A booked call as it counts now (``old``), and as it shall count from now on.

    A ``new`` of None takes the call out of every sum.
    """

    old: Call
    new: Call | None
    reason: str
    why: str = ""
