"""Nine days of three departments that never were, as series: what applications, collector, ledger and servers would have said.

Every rate is constant, so that a person can work out what a panel must show. Names and bounds are those that the code
emits (``genmeter.names``), turned into Prometheus' by the documented rule: a metric that is renamed there is renamed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction

from genmeter import names
from genmeter.server.prometheus import bound, label_name, metric_name
from tests.e2e.back_ends.servers_history import COLLECTOR, OTHERS
from tests.stack.roster import ROOT

END = int(datetime(2026, 10, 21, 12, tzinfo=UTC).timestamp())
"""Noon of a Wednesday. Fixed, so that a failure is the same on every day."""
MINUTES = 9 * 24 * 60
"""The history's length: a week, and the day before that a rule compares it with."""
DENSE = 26 * 60
"""So many of the last minutes have a sample each, which is how often the SDK exports; before it is one of five."""
RESTART = range(MINUTES - 180, MINUTES - 170)
"""Minutes in which the ledger was down."""
PILOT = MINUTES - 360
"""The minute in which an application is seen for the first time: its ledger series is born at half a dollar."""
SPIKES = {"leads": (MINUTES - 13 * 60, 2, 6000), "desk": (MINUTES - 7 * 24 * 60 - 30, 1, 0)}
"""Application → the minute in which it spends so many dollars more with each of its models, and tokens in and out.

That of `desk` is half an hour more than a week ago: where it varies enough to have a deviation, and no sum sees it.
"""
PICO = 10**12

Value = Callable[[int], int | Fraction | None]
"""Of a minute since the beginning; None where there was no sample."""


@dataclass(frozen=True)
class Series:
    """One series. `fine`: only in the dense part, because nothing looks at it further back."""

    name: str
    labels: Mapping[str, str]
    at: Value
    fine: bool = False


@dataclass(frozen=True)
class Lane:
    """What one application does with one model in every minute, as genmeter inside it reports it."""

    job: str
    department: str
    application: str
    provider: str
    model: str
    answers_as: str
    calls: Sequence[float]
    """Duration of each that goes well."""
    pico: int
    operation: str = names.CHAT
    failed: Mapping[str, int] = field(default_factory=dict)
    """Error type → calls; each takes 0.3 s."""
    first_chunks: Sequence[float] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Constant of names.py → tokens."""
    unpriced: str = ""
    """The reason of one call in ten minutes."""
    idle: bool = False
    """Its counters have been as they are for longer than the history."""

    def labels(self, *without: str) -> dict[str, str]:
        """The labels of its series; an attribute without a value is no label."""
        found = {
            "job": self.job,
            "instance": f"{self.job}-1",
            names.OPERATION: self.operation,
            names.PROVIDER: self.provider,
            names.REQUEST_MODEL: self.model,
            names.RESPONSE_MODEL: self.answers_as,
            names.SERVER_ADDRESS: f"api.{self.provider}.com",
            names.SERVER_PORT: "443",
            names.DEPARTMENT: self.department,
            names.APPLICATION: self.application,
            names.ENVIRONMENT: "production",
        }
        return {label_name(key): value for key, value in found.items() if value and key not in without}


LANES = (
    Lane("desk", "support", "desk", "openai", "gpt-5.4-mini", "gpt-5.4-mini", [1.0] * 8 + [4.0], 2_000_000_000,
         failed={"rate_limit_exceeded": 1}, first_chunks=[0.5] * 3, unpriced="no_usage",
         tokens={"INFERENCE_INPUT": 1800, "INFERENCE_CACHE_READ": 450, "INFERENCE_CACHE_WRITE": 90,
                 "INFERENCE_OUTPUT": 450, "INFERENCE_REASONING": 90}),
    Lane("desk", "support", "desk", "anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001", [2.0] * 4, 4_000_000_000,
         first_chunks=[1.0] * 4,
         tokens={"INFERENCE_INPUT": 4000, "INFERENCE_CACHE_READ": 3000, "INFERENCE_CACHE_WRITE": 400,
                 "INFERENCE_OUTPUT": 800, "INFERENCE_REASONING": 200}),
    Lane("search", "support", "search", "openai", "text-embedding-3-small", "text-embedding-3-small", [0.1] * 6, 12_000_000,
         operation=names.EMBEDDINGS, failed={"timeout": 1}, tokens={"EMBEDDINGS_INPUT": 600}),
    Lane("leads", "sales", "leads", "openai", "gpt-5.6", "gpt-5.6", [8.0] * 4, 1_000_000_000,
         failed={"timeout": 1}, unpriced="unknown_model", tokens={"INFERENCE_INPUT": 800, "INFERENCE_OUTPUT": 400}),
    # Nobody said who this is.
    Lane("batch", "", "", "openai", "gpt-5.4-mini", "gpt-5.4-mini", [1.0] * 2, 500_000_000,
         unpriced="no_usage", tokens={"INFERENCE_INPUT": 400, "INFERENCE_OUTPUT": 100}),
    Lane("night", "sales", "night", "anthropic", "claude-opus-4-5", "claude-opus-4-5-20251101", [1.0] * 2, 500_000_000,
         failed={"timeout": 1}, first_chunks=[0.5], idle=True,
         tokens={"INFERENCE_INPUT": 400, "INFERENCE_CACHE_READ": 40, "INFERENCE_CACHE_WRITE": 20,
                 "INFERENCE_OUTPUT": 100, "INFERENCE_REASONING": 10}),
)  # fmt: skip
CRAWLER = Lane("crawler", "sales", "crawler", "openai", "gpt-4o", "gpt-4o", [3.0] * 3, 3_000_000_000,
               tokens={"input": 900, "output": 90}, unpriced="unknown_model")  # fmt: skip
"""No genmeter inside: the collector prices and counts it."""
BUDGETS = {
    "support-month": {"owner": "ada", "period": "month", "department": "support"},
    "leads-day": {"owner": "grace", "period": "day", "application": "leads"},
}
ALERTS = (
    ("GenmeterBudgetThreshold", "info", "cost", {"budget_id": "support-month", "threshold": "50"}),
    ("GenmeterBudgetThreshold", "warning", "cost", {"budget_id": "support-month", "threshold": "75"}),
    ("GenmeterBudgetThreshold", "critical", "cost", {"budget_id": "leads-day", "threshold": "100"}),
    ("GenmeterHighErrorRatio", "critical", "reliability", {"gen_ai_request_model": "gpt-5.6", "gen_ai_provider_name": "openai"}),
    ("GenmeterSloBurnsFast", "critical", "slo", {"genmeter_application": "leads", "genmeter_department": "sales", "slo": "availability"}),
    ("GenmeterUnpricedCalls", "warning", "data-quality", {"gen_ai_request_model": "gpt-5.6", "gen_ai_provider_name": "openai"}),
)  # fmt: skip


def history() -> list[Series]:
    """Everything, in the names that the code has now."""
    found = [_paused(series, lane) for lane in LANES for series in _application(lane)]
    found += [*_foreign(CRAWLER), *_ledger(), *_budgets(), *_alerts(), *_servers()]
    if twice := [one for one in _keys(found) if _keys(found).count(one) > 1]:
        raise ValueError(f"the history has a series twice: {twice[0]}")
    return found


def _paused(series: Series, lane: Lane) -> Series:
    return replace(series, at=steady(0, series.at(0) or series.at(100) or 0)) if lane.idle else series


def _keys(found: Sequence[Series]) -> list[tuple[str, frozenset[tuple[str, str]]]]:
    return [(one.name, frozenset(one.labels.items())) for one in found]


def steady(per_minute: int | Fraction, before: int | Fraction = 0) -> Value:
    """A counter or gauge that grows by the same in each minute."""
    return lambda minute: before + per_minute * minute


def seldom(every: int) -> Value:
    """A counter of something that happens once in so many minutes."""
    return lambda minute: minute // every


def _name(constant: str) -> str:
    """Prometheus' name of a metric of names.py."""
    name = getattr(names, constant)
    return metric_name(name, {**names.UNITS, **names.LEDGER_UNITS}[name], _KINDS[constant])


_VECTORS = json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))
_KINDS = {row["constant"]: row["kind"] for row in (*_VECTORS["metrics"], *_VECTORS["ledger_metrics"])}
_DERIVED = {row["name"]: metric_name(row["name"], row["unit"], row["kind"]) for row in _VECTORS["derived_metrics"]}


def _application(lane: Lane) -> Iterator[Series]:
    kind = "EMBEDDINGS" if lane.operation == names.EMBEDDINGS else "INFERENCE"
    labels = lane.labels()
    yield Series(_name("COST_USD"), labels, _spent(lane))
    yield from _histogram(_name(f"{kind}_DURATION"), labels, lane.calls, names.SECONDS_BUCKETS)
    for error, count in lane.failed.items():
        failing = lane.labels(names.RESPONSE_MODEL) | {label_name(names.ERROR_TYPE): error}
        yield from _histogram(_name(f"{kind}_DURATION"), failing, [0.3] * count, names.SECONDS_BUCKETS)
    if lane.first_chunks:
        yield from _histogram(_name("INFERENCE_FIRST_CHUNK"), labels, lane.first_chunks, names.SECONDS_BUCKETS)
        yield from _histogram(_name("INFERENCE_CHUNK_GAP"), labels, [0.03] * 10, names.SECONDS_BUCKETS)
    for constant, count in lane.tokens.items():
        if kind == "EMBEDDINGS":
            yield from _each_call(_name(constant), labels, lane, count)
        else:
            at = _with_spike(count, lane, 2)
            yield Series(_name(constant), labels | {label_name(names.TOKEN_MODALITY): "unknown"}, at)
    for part in ("INPUT", "OUTPUT") if kind == "INFERENCE" else ():
        yield from _each_call(_name(f"INFERENCE_OPERATION_{part}"), labels, lane, lane.tokens[f"INFERENCE_{part}"])
    if lane.unpriced:
        yield Series(_name("CALLS_UNPRICED"), labels | {label_name(names.COST_REASON): lane.unpriced}, seldom(10))
    few = {key: value for key, value in labels.items() if key in _ACTIVE}
    failing = {
        "job": lane.job,
        "instance": f"{lane.job}-1",
        label_name(names.FAILURE_SITE): f"{kind.lower()}.{lane.model}",
    }
    yield Series(_name("INTERNAL_FAILURES"), failing, seldom(10))
    yield Series(_name("CALLS_ACTIVE"), few, steady(0, 0 if lane.idle else 1))


_ACTIVE = {"job", "instance", *map(label_name, (names.OPERATION, names.PROVIDER, names.REQUEST_MODEL))}


def _spent(lane: Lane) -> Value:
    return _with_spike(Fraction(lane.pico, PICO), lane, 1)


def _with_spike(per_minute: int | Fraction, lane: Lane, what: int) -> Value:
    spike = SPIKES.get(lane.application, (0, 0, 0))
    return lambda minute: per_minute * minute + (spike[what] if minute >= spike[0] else 0)


def _each_call(name: str, labels: Mapping[str, str], lane: Lane, tokens: int) -> Iterator[Series]:
    share, left = divmod(tokens, len(lane.calls))
    assert not left, "the tokens of a minute are not the same for each call"
    return _histogram(name, labels, [share] * len(lane.calls), names.TOKEN_BUCKETS)


def _histogram(
    name: str, labels: Mapping[str, str], each: Sequence[float], bounds: Sequence[float]
) -> Iterator[Series]:
    for upper in bounds:
        below = sum(value <= upper for value in each)
        yield Series(f"{name}_bucket", {**labels, "le": bound(upper)}, steady(below), fine=True)
    yield Series(f"{name}_bucket", {**labels, "le": "+Inf"}, steady(len(each)), fine=True)
    yield Series(f"{name}_count", labels, steady(len(each)))
    yield Series(f"{name}_sum", labels, steady(sum(map(Fraction, map(str, each)))))


def _foreign(lane: Lane) -> Iterator[Series]:
    labels = lane.labels(names.SERVER_ADDRESS, names.SERVER_PORT) | {"instance": "collector"}
    yield Series(_DERIVED["genmeter.collector.cost.usd"], labels, _spent(lane))
    yield Series(_DERIVED["genmeter.collector.calls"], labels, steady(len(lane.calls)))
    unpriced = labels | {label_name(names.COST_REASON): lane.unpriced}
    yield Series(_DERIVED["genmeter.collector.calls.unpriced"], unpriced, seldom(10))
    for kind, count in lane.tokens.items():
        token = labels | {label_name(names.TOKEN_TYPE): kind}
        yield Series(_DERIVED["genmeter.collector.tokens"], token, steady(count))
    yield from _histogram(_DERIVED["genmeter.collector.call.duration"], labels, lane.calls, names.SECONDS_BUCKETS)
    overflow = {"job": "crawler", "instance": "collector", "otel_metric_overflow": "true"}
    yield Series(_DERIVED["genmeter.collector.calls"], overflow, steady(0, 5))


def _ledger() -> Iterator[Series]:
    scraped = {"job": "ledger", "instance": "ledger:4318"}

    def while_up(value: Value) -> Value:
        return lambda minute: None if minute in RESTART else value(minute)

    for lane in (*LANES, CRAWLER):
        who = {"model": lane.answers_as, "department": lane.department, "application": lane.application}
        labels = scraped | {key: value for key, value in who.items() if value}
        calls = len(lane.calls) + sum(lane.failed.values())
        for name, at in {"spend_usd": _spent(lane), "calls": steady(calls), "unpriced_calls": seldom(10)}.items():
            counted = at if lane.unpriced or name != "unpriced_calls" else steady(0)
            one = _paused(Series(f"genmeter_ledger_{name}", labels, counted), lane)
            yield replace(one, at=while_up(one.at))
    pilot = scraped | {"model": "gpt-5.6", "department": "sales", "application": "pilot"}
    for name, at_birth, per_minute in (
        ("spend_usd", Fraction(1, 2), Fraction(1, 1000)), ("calls", 10, 1), ("unpriced_calls", 0, 0),
    ):  # fmt: skip
        since = _since(PILOT, at_birth, per_minute)
        yield Series(f"genmeter_ledger_{name}", pilot, while_up(since))
    for one in _ledger_itself(scraped):
        yield Series(one.name, one.labels, while_up(one.at))


def _since(birth: int, at_birth: int | Fraction, per_minute: int | Fraction) -> Value:
    return lambda minute: at_birth + per_minute * (minute - birth) if minute >= birth else None


def _ledger_itself(scraped: Mapping[str, str]) -> Iterator[Series]:
    def of(name: str, at: Value, **labels: str) -> Series:
        return Series(f"genmeter_ledger_{name}", {**scraped, **labels}, at)

    yield of("ready", steady(0, 1))
    yield of("config_last_reload_successful", steady(0, 1))
    yield of("last_commit_timestamp_seconds", lambda minute: clock(minute) - 5)
    yield of("file_bytes", steady(224 * 28, 10**6))
    yield of("uptime_seconds", lambda minute: 60 * (minute - (RESTART.stop if minute >= RESTART.stop else -600)))
    yield of("booked_total", steady(28))
    yield of("merged_total", steady(25))
    for name, every in {"duplicates": 5, "conflicts": 30, "suspected": 20, "late": 60}.items():
        yield of(f"{name}_total", seldom(every))
    for table, count in {"calls": 40_000, "spans": 50_000, "quarantine": 12}.items():
        yield of("rows", steady(0, count), table=table)
    for signal in ("traces", "logs"):
        for name in ("ignored", "rejected"):
            yield of(f"{name}_total", seldom(10), signal=signal)
    # Of 28 calls a minute 21 are booked within half a second and 7 within two.
    for upper, within in {"0.1": 0, "0.5": 21, "1.0": 21, "2.0": 28, "5.0": 28, "+Inf": 28}.items():
        yield of("lag_seconds_bucket", steady(within), le=upper)
    yield of("lag_seconds_sum", steady(15))
    yield of("lag_seconds_count", steady(28))


def _budgets() -> Iterator[Series]:
    def of(constant: str, budget: str, at: Value, **labels: str) -> Series:
        scraped = {"job": "ledger", "instance": "ledger:4318", "budget_id": budget, **BUDGETS[budget]}
        return Series(_name(constant), scraped | labels, at)

    support, leads = Fraction(6012, 10**6), Fraction(1, 1000)
    spent: dict[str, Value] = {
        "support-month": lambda minute: Fraction(425, 2) - support * (MINUTES - minute),
        "leads-day": lambda minute: leads * ((minute + 720) % 1440),  # noon is the end, so also the beginning
    }
    for budget, limit, projected, ends in (
        ("support-month", Fraction(250), Fraction(1275, 4), datetime(2026, 11, 1, tzinfo=UTC)),
        ("leads-day", Fraction(6, 10), Fraction(144, 100), datetime(2026, 10, 22, tzinfo=UTC)),
    ):
        yield of("BUDGET_LIMIT", budget, steady(0, limit))
        yield of("BUDGET_SPENT", budget, spent[budget])
        yield of("BUDGET_PROJECTED", budget, steady(0, projected))
        yield of("BUDGET_PERIOD_END", budget, steady(0, int(ends.timestamp())))
        for level in (50, 75, 90, 100):
            yield of("BUDGET_THRESHOLD", budget, steady(0, limit * level / 100), threshold=str(level))
    yield Series(_name("BUDGET_UNBUDGETED"), {"job": "ledger", "instance": "ledger:4318"}, steady(0, 3))


def _alerts() -> Iterator[Series]:
    for alert, severity, category, labels in ALERTS:
        for state, minutes in (("pending", 130), ("firing", 120)):
            known = {"alertname": alert, "severity": severity, "category": category, "alertstate": state}
            first, last = MINUTES - minutes, MINUTES if state == "firing" else MINUTES - 121
            yield Series("ALERTS", {**labels, **known}, _between(first, last))


def _between(first: int, last: int) -> Value:
    return lambda minute: 1 if first <= minute <= last else None


def _servers() -> Iterator[Series]:
    """The collector's, Alertmanager's and Prometheus' own; what fails, fails once in ten minutes."""
    for name, labels, before, per_minute in (*COLLECTOR, *OTHERS):
        if per_minute == "seldom":
            yield Series(name, labels, seldom(10))
        elif per_minute == "born":
            yield Series(name, labels, _since(MINUTES - 30, before, 0))
        else:
            yield Series(name, labels, steady(per_minute, before))


def clock(minute: int) -> int:
    """Unix seconds of a minute."""
    return END - 60 * (MINUTES - minute)
