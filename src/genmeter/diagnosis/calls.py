"""Calls that a ledger has booked: which of them have no price, no usage or no payer, or were set aside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from genmeter.diagnosis.finding import Finding
from genmeter.reports import Receipt, receipt, spend
from genmeter.reports.dimensions import By
from genmeter.reports.unpricing import unread

if TYPE_CHECKING:
    from genmeter.ledger import Ledger

_PAYERS: Final[tuple[By, ...]] = ("department", "application", "user")


def findings(ledger: Ledger, run: str | None = None, made: int = 0) -> Iterator[Finding]:
    """What is missing in the calls of ``run``; of everything in the ledger where it is None. Raises ``StorageError``.

    ``made`` calls are known to have been made.
    """
    yield from _unread(ledger)
    found = receipt(ledger, run=run)
    if made > found.calls:
        yield Finding(
            "warning",
            "calls_elsewhere",
            f"{_calls(made)} made, and the events of {found.calls} came here",
            "where the program gives genmeter.instrument() its own export or providers, look at the calls there",
        )
    if not found.calls and not made:
        yield Finding(
            "warning",
            "no_calls",
            "no call to a model was booked",
            "make one call through a metered SDK, and run this again",
        )
    if not found.calls:
        return
    yield Finding("fine", "calls", f"{_calls(found.calls)} booked, {found.failed} of them failed")
    yield from _unpriced(found)
    yield from _unpaid(ledger, run, found.calls)
    yield from _apart(found)


def _unread(ledger: Ledger) -> Iterator[Finding]:
    """The records with tokens or money that are no call, by their emitter; counted since the ledger began."""
    for gap in unread(ledger):
        number = f"{gap.calls} record" if gap.calls == 1 else f"{gap.calls} records"
        yield Finding(
            "warning", "unread", f"{number} of {gap.detail} with tokens or an amount are in no sum", gap.remedy
        )


def _unpriced(found: Receipt) -> Iterator[Finding]:
    """The calls without a price, by reason and model."""
    for gap in found.unpriced:
        of = f"{gap.model or 'an unnamed model'} of {gap.provider or 'an unnamed seller'}"
        detail = f": {gap.detail}" if gap.detail else ""
        yield Finding(
            "fault",
            "no_usage" if gap.reason == "no_usage" else "no_price",
            f"{_calls(gap.calls)} to {of} without a price ({gap.reason}{detail})",
            gap.remedy,
        )


def _unpaid(ledger: Ledger, run: str | None, calls: int) -> Iterator[Finding]:
    """The calls that do not say who pays."""
    missing = {field: _without(ledger, field, run) for field in _PAYERS}
    unpaid = [f"{number} without {field}" for field, number in missing.items() if number]
    if unpaid:
        yield Finding(
            "warning",
            "no_payer",
            f"of {_calls(calls)}: {', '.join(unpaid)}",
            "say who pays by genmeter.attribution(department=..., application=..., user=...) around the calls, or by "
            "GENMETER_DEPARTMENT, GENMETER_APPLICATION and GENMETER_USER",
        )


def _apart(found: Receipt) -> Iterator[Finding]:
    """The calls that are not booked whole, or not at all."""
    if found.cut_streams:
        yield Finding(
            "warning",
            "cut_streams",
            f"{_calls(found.cut_streams)} ended before the stream did, and may have no or less usage than was billed",
            "read streams to the end, also after finish_reason",
        )
    aside = found.doubles + found.suspected_duplicates
    if aside:
        yield Finding(
            "warning",
            "billed_twice",
            f"{aside} records of calls came twice and were set aside: another instrumentation reports the same calls",
            "turn one of the two instrumentations off",
        )
    if found.conflicts:
        yield Finding(
            "fault",
            "conflicts",
            f"{found.conflicts} records have the key of a booked call and other money",
            "have one program send each span once: the first record counts",
        )


def _without(ledger: Ledger, field: By, run: str | None) -> int:
    """The calls that do not say their ``field``."""
    return sum(row.calls for row in spend(ledger, by=field, run=run) if row.key is None)


def _calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"
