"""What one run of ``genmeter run`` amounts to, as data and as JSON; ``receipt`` renders it for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genmeter.reports import Receipt, receipts


@dataclass(frozen=True, slots=True)
class Slip:
    """One run: what was run and how it ended, the ledger's receipt, what had to be said, and where to see more.

    ``receipt`` is None when the ledger could not be read; ``seconds`` is the run's wall time.
    """

    command: tuple[str, ...]
    exit_code: int
    seconds: float
    receipt: Receipt | None
    notes: tuple[str, ...] = ()
    more: str = ""


def as_json(slip: Slip) -> dict[str, Any]:
    """The slip as plain data: money as exact decimal strings by currency, durations in seconds."""
    about: dict[str, Any] = {
        "command": list(slip.command),
        "exit_code": slip.exit_code,
        "wall_seconds": round(slip.seconds, 3),
        "notes": list(slip.notes),
    }
    return about if slip.receipt is None else about | receipts.plain(slip.receipt)
