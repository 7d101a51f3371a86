"""What one run of ``genmeter run`` amounts to, as data and as JSON; ``receipt`` renders it for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genmeter.model import usd
from genmeter.reports import Receipt, Row


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
    receipt = slip.receipt
    if receipt is None:
        return about
    return about | {
        "run": receipt.run,
        "calls": receipt.calls,
        "errors": receipt.errors,
        "tokens": receipt.tokens,
        "models": [_row_json(row) for row in receipt.by_model],
        "total": _money_json(receipt.total),
        "unpriced_calls": receipt.unpriced_calls,
        "unpriced": [
            {
                "model": gap.model,
                "provider": gap.provider,
                "reason": gap.reason,
                "calls": gap.calls,
                "tokens": gap.tokens,
                "remedy": gap.remedy,
            }
            for gap in receipt.unpriced
        ],
        "cut_streams": receipt.cut_streams,
        "latency_seconds": {"p50": _seconds(receipt.p50_ns), "p95": _seconds(receipt.p95_ns), "calls": receipt.timed},
        "set_aside": {
            "suspected_duplicates": receipt.suspected_duplicates,
            "conflicts": receipt.conflicts,
            "late": receipt.late,
        },
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "model": row.key,
        "calls": row.calls,
        "errors": row.errors,
        "unpriced": row.unpriced,
        "tokens": row.tokens,
        "cost": _money_json(row.cost),
    }


def _money_json(cost: dict[str, int]) -> dict[str, str]:
    return {currency: usd(pico) for currency, pico in sorted(cost.items())}


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 10**9
