"""The text of /metrics: the service's own state, the ledger's spend, and the applications' metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from genmeter.budgets import Budget
from genmeter.ledger import Ledger, StorageError
from genmeter.ledger.audit import Upkeep
from genmeter.ledger.questions import TOTALS_BY, Group
from genmeter.ledger.store import Store
from genmeter.model import usd
from genmeter.reports.recorded import file_of, load
from genmeter.server.activity import LAGS, Activity, Lag
from genmeter.server.budgets import budget_gauges
from genmeter.server.prometheus import Labels, bound, family, number
from genmeter.server.series import Family, Series, State

OURS = "genmeter_ledger_"
MOST_GROUPS: Final = 5_000
OTHERS: Final = "(others)"
"""Spend is shown for so many models of applications and departments, the dearest ones; the rest is one series."""
_RECEIVED = {
    "batches": "OTLP requests accepted.",
    "records": "Spans, log records and metric points received.",
    "rejected": "Records that could not be used.",
    "refused": "OTLP requests refused as malformed, too large or of another type.",
    "ignored": "Records that are no calls to a model and are not booked: other spans, log records, metrics.",
    "deferred": "OTLP requests answered 503 because the store did not take them.",
}
_COUNTED = {
    "booked": "Calls booked.",
    "merged": "Second signals (span or event) of a booked call.",
    "duplicates": "Replays of what was there already.",
    "conflicts": "Calls kept out: booked before with other money.",
    "suspected": "Calls kept out: the same response booked under another key (suspected duplicates).",
    "doubles": "Calls kept out: another record of the same call bills.",
    "withdrawn": "Calls that were booked, and kept out later: a record of the same call came that bills.",
    "late": "Calls kept out: older than what has been trimmed.",
    "adjusted": "Calls booked that came after their period was sealed: an adjustment counts them.",
    "adjustments": "Adjustments written: late calls, other prices, corrections.",
    "trimmed_calls": "Calls folded into their day.",
    "trimmed_spans": "Spans dropped, oldest first.",
    "trimmed_quarantine": "Calls dropped from quarantine, oldest first.",
}
_ROWS = ("calls", "spans", "quarantine", "adjustments")
_UPKEEP = {
    "retention_last_success_timestamp_seconds": "Last time that rows beyond their age were removed; 0 before the first.",
    "sums_checked_timestamp_seconds": "Last time that all sums were computed from the calls again; 0 before the first.",
    "sums_different": "Sums by call, session, day and report that were not alike then, and broken seals; 0 is sound.",
    "dirty_days": "Days whose sums by day and session are to be computed anew.",
    "sealed_until_timestamp_seconds": "End of the last sealed period; 0 without one.",
}


def exposition(
    ledger: Ledger,
    series: Series | None,
    activity: Activity,
    budgets: Sequence[Budget] = (),
    config_sound: bool = True,
) -> str:
    """Everything at /metrics.

    ``config_sound`` is whether the user's file could be used when it was last read. While the store cannot be read,
    what only it knows is missing.
    """
    lines = [*_service(activity), *_config(config_sound), *_lag(activity.lag), *_store(ledger.store)]
    lines += _captured(ledger.store.path)
    with suppress(StorageError):
        lines += [*_counters(ledger.counters()), *_unread(ledger.store.unread()), *_spend(ledger.store.totals())]
        lines += [*_upkeep(ledger.store.upkept()), *budget_gauges(budgets, ledger)]
    if series is not None:
        lines += _series(series)
    return "\n".join(lines) + "\n"


def _service(activity: Activity) -> Iterator[str]:
    counts = activity.counts()
    for name, text in _RECEIVED.items():
        samples = [("", (("signal", label),), str(value)) for (kind, label), value in counts.items() if kind == name]
        yield from family(f"{OURS}{name}_total", "counter", text, sorted(samples))
    uptime = number(round(time.time() - activity.started, 3))
    yield from family(f"{OURS}uptime_seconds", "gauge", "Age of this process.", [("", (), uptime)])
    failed = number(round(activity.failure.at, 3)) if activity.failure else "0"
    yield from family(f"{OURS}last_error_timestamp_seconds", "gauge", "Last failure of the store.", [("", (), failed)])


def _config(sound: bool) -> Iterator[str]:
    # the name that Prometheus and Alertmanager have for it
    text = "1 while genmeter.toml can be used; 0: the last good budgets stay in force."
    yield from family(f"{OURS}config_last_reload_successful", "gauge", text, [("", (), "1" if sound else "0")])


def _lag(lag: Lag) -> Iterator[str]:
    buckets = [("_bucket", (("le", bound(upper)),), str(calls)) for upper, calls in zip(LAGS, lag.within, strict=True)]
    end = [
        ("_bucket", (("le", "+Inf"),), str(lag.calls)),
        ("_sum", (), number(lag.seconds)),
        ("_count", (), str(lag.calls)),
    ]
    text = "From the end of a call to the commit of the request that reported it; replays too."
    yield from family(f"{OURS}lag_seconds", "histogram", text, [*buckets, *end])


def _store(store: Store) -> Iterator[str]:
    ready = "0" if store.fault else "1"
    yield from family(f"{OURS}ready", "gauge", "1 while the last write to the store worked.", [("", (), ready)])
    committed = store.committed_at
    moments = [] if committed is None else [("", (), number(round(committed, 3)))]
    yield from family(f"{OURS}last_commit_timestamp_seconds", "gauge", "Last write that is on disk.", moments)
    size = [("", (), str(store.size()))]
    yield from family(f"{OURS}file_bytes", "gauge", "Size of the ledger on disk, with its write-ahead log.", size)


def _captured(path: str) -> Iterator[str]:
    """What `genmeter reconcile --record` has found last, by seller."""
    found = [(name, row) for name, row in sorted(load(file_of(Path(path))).items()) if path != ":memory:"]
    labels = {name: (("provider", name), ("currency", str(row.get("currency", "")))) for name, row in found}
    shares = [("", labels[name], str(row["captured"])) for name, row in found if _is_share(row.get("captured"))]
    text = "Share of the money of the last bill that the ledger has, by seller."
    yield from family(f"{OURS}captured_ratio", "gauge", text, shares)
    moments = [("", labels[name], str(row["at"])) for name, row in found if isinstance(row.get("at"), int)]
    text = "When the last bill of a seller was compared with the ledger."
    yield from family(f"{OURS}reconciled_timestamp_seconds", "gauge", text, moments)


def _is_share(value: object) -> bool:
    return isinstance(value, str) and value.replace(".", "", 1).isdecimal()


def _counters(counters: dict[str, int]) -> Iterator[str]:
    for name, text in _COUNTED.items():
        yield from family(f"{OURS}{name}_total", "counter", text, [("", (), str(counters.get(name, 0)))])
    rows = [("", (("table", table),), str(counters.get(f"rows_{table}", 0))) for table in _ROWS]
    yield from family(f"{OURS}rows", "gauge", "Rows kept.", rows)


def _upkeep(kept: Upkeep) -> Iterator[str]:
    seconds = (one / 10**9 for one in (kept.retained_ns, kept.checked_ns, kept.sealed_until_ns))
    retained, checked, sealed = (number(round(one, 3)) for one in seconds)
    values = (retained, checked, str(kept.differences), str(kept.dirty_days), sealed)
    for (name, text), value in zip(_UPKEEP.items(), values, strict=True):
        yield from family(f"{OURS}{name}", "gauge", text, [("", (), value)])


def _unread(found: dict[str, int]) -> Iterator[str]:
    text = "Records with tokens or an amount that are no call that genmeter knows; they are in no sum."
    samples = [("", (("emitter", emitter),), str(records)) for emitter, records in sorted(found.items())]
    yield from family(f"{OURS}unread_total", "counter", text, samples)


def _spend(groups: Iterable[Group]) -> Iterator[str]:
    cost: dict[Labels, int] = {}
    calls: dict[Labels, int] = {}
    unpriced: dict[Labels, int] = {}
    found = sorted(groups, key=lambda group: (group.cost, group.calls), reverse=True)
    for place, group in enumerate(found):
        key = group.key if place < MOST_GROUPS else (OTHERS,) * len(TOTALS_BY)
        labels = tuple(zip(TOTALS_BY, ("" if one is None else str(one) for one in key), strict=True))
        calls[labels] = calls.get(labels, 0) + group.calls
        unpriced[labels] = unpriced.get(labels, 0) + group.unpriced
        if group.currency == "USD":
            cost[labels] = cost.get(labels, 0) + group.cost
    money = [("", labels, usd(pico)) for labels, pico in sorted(cost.items())]
    yield from family(f"{OURS}spend_usd", "gauge", "Booked cost in USD since the ledger began, exact.", money)
    counted = [("", labels, str(value)) for labels, value in sorted(calls.items())]
    yield from family(f"{OURS}calls", "gauge", "Booked calls since the ledger began.", counted)
    missing = [("", labels, str(value)) for labels, value in sorted(unpriced.items())]
    yield from family(f"{OURS}unpriced_calls", "gauge", "Booked calls without a price.", missing)


def _series(series: Series) -> Iterator[str]:
    yield from family(f"{OURS}series", "gauge", "Series of applications kept.", [("", (), str(len(series)))])
    skipped = [("", (), str(series.skipped))]
    yield from family(
        f"{OURS}points_skipped_total", "counter", "Metric points beyond the series limit or of no kind.", skipped
    )
    families = series.families()
    # a gauge x_sum beside a histogram x would be one sample twice
    parts = {f"{one.name}{end}" for one in families if one.kind == "histogram" for end in ("_bucket", "_sum", "_count")}
    for one in families:
        if not one.name.startswith(OURS) and one.name not in parts:
            yield from family(one.name, one.kind, one.help, _samples(one))


def _samples(one: Family) -> Iterator[tuple[str, Labels, str]]:
    for labels, point in sorted(one.points.items()):
        if one.kind == "histogram":
            yield from _histogram(labels, point)
        else:
            yield "", labels, number(point.value)


def _histogram(labels: Labels, point: State) -> Iterator[tuple[str, Labels, str]]:
    below = 0
    for upper, count in zip(point.bounds, point.buckets, strict=False):
        below += count
        yield "_bucket", (*labels, ("le", bound(upper))), str(below)
    yield "_bucket", (*labels, ("le", "+Inf")), str(point.count)
    yield "_sum", labels, number(point.value)
    yield "_count", labels, str(point.count)
