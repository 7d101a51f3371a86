"""``genmeter ledger``: check the record, seal a period, copy the file while others book."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from genmeter.cli.options import add_action, add_formats, add_ledger, reader
from genmeter.cli.render import refuse, say, write_rows
from genmeter.cli.state import ledger_place, state_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from genmeter.ledger.seals import Seal
    from genmeter.ledger.sqlite.store import Booker
    from genmeter.ledger.store import Store

DESCRIPTION = """The record itself. verify computes every sum again from the calls, compares it with the sums by session and
day, with what the reports answer and with the seals, and ends with 1 where something differs. seal closes all days up to
the end of a day or month of UTC: their sums never change again, and what comes later is an adjustment of the open period.
Before it seals, it writes a backup beside the ledger. A backup is a ledger: to restore it, stop the service and put the
file in the place of the ledger."""
ACTIONS: Final = {
    "verify": "compute every sum again, and check the seals",
    "seal": "close a --day or a --month, after a backup",
    "seals": "list the sealed periods",
    "adjustments": "list what counts beside the booked calls",
    "backup": "copy the ledger --to a file, while others book",
    "copy": "move the ledger --from one store --to another, and go on where a copy was cut off",
}
GRACE_NS: Final = 2 * 86_400 * 10**9
"""How long after its end a period is sealed: collectors send what they have kept in the meantime."""
SEALS = ("number", "name", "since", "until", "calls", "cost", "sealed", "hash")
ADJUSTMENTS = ("number", "counts_at", "reason", "sign", "calls", "model", "cost", "currency", "trace", "span", "why")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "ledger",
        help="verify, seal or back up the ledger",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    add_action(parser, ACTIONS, default="verify")
    add_ledger(parser)
    period = parser.add_mutually_exclusive_group()
    period.add_argument("--month", metavar="YYYY-MM", help="the month to seal, of UTC")
    period.add_argument("--day", metavar="YYYY-MM-DD", help="the day to seal, of UTC")
    parser.add_argument("--early", action="store_true", help="seal before two days have passed since the end")
    parser.add_argument(
        "--to",
        type=reader(ledger_place),
        metavar="PLACE",
        help="where the backup or the copy goes (seal: beside the ledger)",
    )
    parser.add_argument(
        "--from", dest="ledger", type=reader(ledger_place), metavar="PLACE", help="what is copied; the same as --ledger"
    )
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 for a ledger that differs or is not there, 2 for wrong arguments."""
    from genmeter.ledger import Ledger

    actions: dict[str, Callable[[argparse.Namespace, Store, Path], int]] = {
        "verify": _verify,
        "seal": _seal,
        "seals": _seals,
        "adjustments": _adjustments,
        "backup": _backup,
        "copy": _copy,
    }
    path: Path = args.ledger or state_file()
    if not path.exists():
        return refuse(f"there is no ledger {path}; name one with --ledger", 1)
    with Ledger.open(path, max_rows=None) as ledger:
        return actions[args.action](args, ledger.store, path)


def _verify(args: argparse.Namespace, store: Store, path: Path) -> int:
    audit = store.verify()
    rows = [list(one) for one in audit.differences]
    if rows or args.format != "table":
        write_rows(("where", "expected", "found"), rows, args.format, sys.stdout)
    for sentence in audit.unchecked:
        say(sentence)
    checked = ", ".join(f"{count:,} {name}" for name, count in audit.checked.items() if count)
    if rows:
        return refuse(f"{path}: {len(rows):,} sums differ of {checked}; compare with a backup from before", 1)
    say(f"{path}: every sum is as its calls say: {checked or 'no calls'}")
    return 0


def _seal(args: argparse.Namespace, store: Store, path: Path) -> int:
    from genmeter.ledger import seals
    from genmeter.ledger.postgres import is_url

    name: str | None = args.month or args.day
    if name is None:
        return refuse("seal needs a --month or a --day")
    now = time.time_ns()
    try:
        until = seals.period(name)[1]
        if until > now:
            return refuse(f"{name} has not ended; seal it when it has")
        if until + GRACE_NS > now and not args.early:
            return refuse(f"{name} ended less than two days ago, and calls of it may still come; wait, or add --early")
        sealed = store.seals()
        if sealed and until <= sealed[-1].until_ns:
            return refuse(f"{name} is sealed already: {sealed[-1].name} was the last period")
        if args.to is None and is_url(str(path)):
            return refuse("seal needs --to, the file of the backup, where the ledger is no file")
        backup = args.to or path.with_name(f"{path.stem}.before-{name}{path.suffix}")
        store.backup(str(backup))
        one = store.seal(name)
    except ValueError as error:
        return refuse(str(error))
    say(f"backup in {backup}")
    write_rows(SEALS, [_row(one)], args.format, sys.stdout)
    return 0


def _seals(args: argparse.Namespace, store: Store, path: Path) -> int:
    write_rows(SEALS, [_row(one) for one in store.seals()], args.format, sys.stdout)
    return 0


def _backup(args: argparse.Namespace, store: Store, path: Path) -> int:
    if args.to is None:
        return refuse("backup needs --to, the file to write")
    store.backup(str(args.to))
    say(f"backup in {args.to}")
    return 0


def _copy(args: argparse.Namespace, store: Store, path: Path) -> int:
    from genmeter.ledger import Ledger, copying

    if args.to is None:
        return refuse("copy needs --to, the store to write")
    rows = 0

    def count(more: int) -> None:
        nonlocal rows
        rows += more

    with Ledger.open(args.to, max_rows=None) as target:
        try:
            audit = copying.copy(cast("Booker", store), cast("Booker", target.store), count)
        except copying.NotEmpty as error:
            return refuse(str(error), 1)
        if audit.differences:
            first = audit.differences[0]
            return refuse(f"the copy differs in {len(audit.differences):,} sums, the first one is {first.where}", 1)
        say(f"{rows:,} rows are in {target.store.path}, and every sum is as its calls say")
    return 0


def _adjustments(args: argparse.Namespace, store: Store, path: Path) -> int:
    from genmeter.ledger.questions import EVERYTHING
    from genmeter.model import usd

    rows: list[list[str | int | None]] = []
    after = 0
    while page := store.adjustments(EVERYTHING, after):
        after = page[-1].number
        for one in page:
            cost = None if one.call.cost_pico is None else usd(one.sign * one.call.cost_pico)
            calls = one.sign if one.is_call else 0
            rows.append(
                [
                    *(str(one.number), _moment(one.counted_ns or 0), one.reason, one.sign, calls, one.call.model),
                    *(cost, one.call.currency, one.call.trace_id, one.call.span_id, one.why),
                ]
            )
    write_rows(ADJUSTMENTS, rows, args.format, sys.stdout)
    return 0


def _row(one: Seal) -> list[str | int | None]:
    from genmeter.model import usd

    cost = " ".join(f"{usd(pico)} {currency}" for currency, pico in sorted(one.cost.items())) or None
    times = (_moment(one.since_ns) if one.since_ns else None, _moment(one.until_ns))
    return [str(one.number), one.name, *times, one.calls, cost, _moment(one.sealed_ns), one.hash]


def _moment(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
