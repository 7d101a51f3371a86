"""``genmeter budgets``: whether the budgets of genmeter.toml can be used, and how they stand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genmeter.cli.options import add_action, add_formats, add_ledger
from genmeter.cli.render import Cell, Format, refuse, say, write_rows
from genmeter.cli.report import add_options, asked_of, no_ledger, write
from genmeter.cli.state import state_file
from genmeter.model import usd
from genmeter.reports.budgeting import REPORT
from genmeter.reports.report import Sources

if TYPE_CHECKING:
    from genmeter.budgets import Budget

DESCRIPTION = """Check the [budgets] of genmeter.toml, or show for each budget the amount spent in its current period, the
amount left, and the amount that the whole period will cost at this rate (projected). The amount spent is exact, from the
ledger. The rate for a day (burn) and the projected amount are rounded to a millionth of a dollar, and are empty before a
twentieth of the period is over. on_exceed (warn, reject) acts inside each metered process, on the spend of that process
alone since it began; the figures here are the spend of all processes."""
ACTIONS: Final = {
    "check": "check the file and say what it means",
    "show": "show what is spent of each, and what is left",
}
UNBUDGETED: Final = "(no budget)"
_UNDERSTOOD = (
    *("id", "scope", "owner", "amount", "currency", "period", "time_zone", "thresholds"),
    "on_exceed",
)


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "budgets",
        help="check the budgets, or show what is spent and left of each",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    add_action(parser, ACTIONS)
    parser.add_argument("--config", metavar="PATH", help="your genmeter.toml (default: as the meter finds it)")
    add_ledger(parser)
    add_options(parser, REPORT)
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check or show; 1 without budgets or without a ledger, 2 for a file that cannot be used."""
    from genmeter.budgets import budgets_of
    from genmeter.settings import Settings, config_file

    try:
        budgets = budgets_of(Settings.load(path=args.config))
    except ValueError as error:
        return refuse(str(error))
    if not budgets:
        return refuse(_no_budgets(Path(args.config) if args.config else config_file()), 1)
    if args.action == "check":
        return _check(budgets, args.format)
    return _show(budgets, args)


def _no_budgets(file: Path) -> str:
    if file.is_file():
        return f"{file} has no budgets; write [budgets.NAME] with amount and period"
    advice = "make it and write [budgets.NAME] with amount and period, or name another file with --config"
    return f"there is no file {file.absolute()}; {advice}"


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


def _show(budgets: Sequence[Budget], args: argparse.Namespace) -> int:
    from genmeter.ledger import Ledger

    path = args.ledger or state_file()
    if (fault := no_ledger(path)) is not None:
        return refuse(fault, 1)
    with Ledger.open(path) as ledger:
        document = REPORT.answer(Sources(ledger, budgets), asked_of(REPORT, args))
    for one in document["budgets"]:
        if one["across"] != usd(0):
            say(
                f"{one['id']}: {one['across']} USD are of trimmed days that lie partly outside the period; "
                "each such day counts in the period of its first call"
            )
    document["budgets"].append({"id": UNBUDGETED, **document["unbudgeted"]})
    write(document, REPORT.rows, args.format, sys.stdout)
    return 0
