"""``genmeter budgets``: whether the budgets of genmeter.toml can be used, and how they stand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genmeter.cli.instants import instant
from genmeter.cli.render import Cell, Format, add_formats, refuse, say, write_rows
from genmeter.cli.state import state_file
from genmeter.model import usd

if TYPE_CHECKING:
    from genmeter.budgets import Budget
    from genmeter.reports.budgeting import Budgeting, Standing

DESCRIPTION = """Check the [budgets] of genmeter.toml, or show what is spent of each in the period that runs, what is
left, and where it will end at this rate. Spent is exact, from the ledger; burn and projection are rounded to a
millionth of a dollar, and empty before a twentieth of the period is over. What on_exceed does (warn, reject) happens
inside each metered process, on what that process itself has spent since it began; the figures here are all processes'."""
ACTIONS: Final = {
    "check": "check the file and say what it means",
    "show": "show what is spent of each, and what is left",
}
UNBUDGETED: Final = "(no budget)"
_UNDERSTOOD = (
    *("id", "scope", "owner", "amount", "currency", "period", "time_zone", "thresholds"),
    "on_exceed",
)
_SHOWN = (
    *("id", "scope", "owner", "period", "ends", "limit", "spent", "left", "reached"),
    *("burn_a_day", "projected", "days_left", "unpriced", "currency"),
)


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "budgets", help="check the budgets, or show how they stand", description=DESCRIPTION, allow_abbrev=False
    )
    words = "; ".join(f"{name}: {text}" for name, text in ACTIONS.items())
    parser.add_argument("action", choices=tuple(ACTIONS), help=words)
    parser.add_argument("--config", metavar="PATH", help="your genmeter.toml (default: as the meter finds it)")
    parser.add_argument(
        "--ledger", type=Path, metavar="PATH", help="SQLite file (default $GENMETER_LEDGER, else state)"
    )
    parser.add_argument("--at", type=instant, metavar="WHEN", help="show how it stood then (default now)")
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check or show; 1 without budgets or without a ledger, 2 for a file that cannot be used."""
    from genmeter.budgets import budgets_of
    from genmeter.settings import Settings

    try:
        budgets = budgets_of(Settings.load(path=args.config))
    except ValueError as error:
        return refuse(str(error))
    if not budgets:
        return refuse(
            f"{args.config or 'genmeter.toml'} has no budgets; write [budgets.NAME] with amount and period", 1
        )
    if args.action == "check":
        return _check(budgets, args.format)
    return _show(budgets, args.ledger or state_file(), args.at, args.format)


def _check(budgets: Sequence[Budget], fmt: Format) -> int:
    rows: list[list[Cell]] = [
        [
            *(budget.id, budget.scope_text, budget.owner or None, usd(budget.amount), "USD", budget.period),
            *(budget.time_zone, " ".join(map(str, budget.thresholds)), budget.on_exceed),
        ]
        for budget in budgets
    ]
    write_rows(_UNDERSTOOD, rows, fmt, sys.stdout)
    return 0


def _show(budgets: Sequence[Budget], path: Path, at: datetime | None, fmt: Format) -> int:
    from genmeter.ledger import Ledger
    from genmeter.reports.budgeting import budgeting

    # Opening would make an empty ledger, and an empty report would look like no spend.
    if not path.is_file():
        return refuse(
            f"no ledger at {path}; make one with 'genmeter run -- python app.py', or name it with --ledger", 1
        )
    with Ledger.open(path) as ledger:
        found = budgeting(budgets, ledger, at=at or datetime.now(UTC), until=at)
    write_rows(_SHOWN, [*map(_row, found.standings), _rest(found)], fmt, sys.stdout)
    for one in found.standings:
        if one.across:
            say(
                f"{one.budget.id}: {usd(one.across)} USD of trimmed days reach over an edge of the period; "
                "each such day counts where its first call lies"
            )
    return 0


def _row(one: Standing) -> list[Cell]:
    left = None if one.tenths_left is None else f"{one.tenths_left // 10}.{one.tenths_left % 10}"
    budget = one.budget
    return [
        *(budget.id, budget.scope_text, budget.owner or None, budget.period),
        one.period.end.astimezone(budget.zone).isoformat(),
        *(usd(budget.amount), usd(one.spent), usd(one.left)),
        None if one.reached is None else f"{one.reached}%",
        *(_estimate(one.burn), _estimate(one.projected), left, one.unpriced, "USD"),
    ]


def _rest(found: Budgeting) -> list[Cell]:
    ends, spent = found.month.end.isoformat(), usd(found.unbudgeted)
    money: tuple[Cell, ...] = (None, spent, None, None, None, None, None)
    return [UNBUDGETED, None, None, "month", ends, *money, found.unbudgeted_unpriced, "USD"]


def _estimate(pico: int | None) -> str | None:
    return None if pico is None else usd((pico + 500_000) // 1_000_000 * 1_000_000)
