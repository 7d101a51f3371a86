"""``genmeter report``: what was spent, in the order and the number of rows that a person wants, beside the period before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final, cast

from genmeter.reports.dimensions import DIMENSIONS, MANY, TIMES, By, Calendar, calendar, dimensions, key_of, stored
from genmeter.reports.report import (
    WINDOW,
    Asked,
    Column,
    Option,
    Plain,
    Report,
    Sources,
    Unanswerable,
    number,
    word,
)
from genmeter.reports.spending import Row, inclusive, ordered, plain, rows_of, total
from genmeter.reports.window import asked_window, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Window
    from genmeter.periods import PeriodName

MOST_ROWS: Final = 1_000_000
MOST_PERIODS: Final = 400
"""Calendar periods whose percentiles are asked for at most, each with a question of its own."""

_SORTS: Final[dict[str, Callable[[Row], Any]]] = {
    "cost": lambda row: (row.cost.get("USD", 0), sum(row.cost.values())),
    "calls": lambda row: row.calls,
    "errors": lambda row: row.errors,
    "unpriced": lambda row: row.unpriced,
    "tokens": lambda row: row.tokens["input"] + row.tokens["output"],
    "input": lambda row: row.tokens["input"],
    "output": lambda row: row.tokens["output"],
    "change": lambda row: row.cost.get("USD", 0) - (row.before or {}).get("USD", 0),
    "latency": lambda row: max(row.latency.values(), default=0),
}
_NAMES: Final = "names"


def _ask(sources: Sources, asked: Asked) -> Plain:
    by: tuple[By, ...] = asked["by"]
    zone: tzinfo = asked["timezone"] or UTC
    rows, left, rest = _rows(sources, by, asked, zone)
    if "agent" in by and not left:
        groups = sources.ledger.store.groups([*stored(by), "agent_path"], asked_window(asked))
        rows = ordered(inclusive(rows, groups, by, zone), by)
    if asked["trend"]:
        rows = _beside(sources.ledger, rows, by, asked, zone)
    if asked["percentiles"]:
        _time(sources.ledger, rows, by, asked, zone)
    whole = total([*rows, rest])
    rows = _sorted(rows, by, asked["sort"])
    limit: int | None = asked["limit"]
    if limit is not None and len(rows) > limit:
        rows, left = rows[:limit], left + len(rows) - limit
    document: Plain = {"by": ",".join(by), "rows": [plain(row, by) for row in rows], "total": plain(whole)}
    return {**document, "rows_left_out": left} if left else document


def _rows(sources: Sources, by: Sequence[By], asked: Asked, zone: tzinfo) -> tuple[list[Row], int, Row]:
    """The rows, how many more there are, and the sum of those."""
    wanted, rest = asked_window(asked), Row(None)
    crowded = sources.most is not None and not MANY.isdisjoint(by)
    # a row of a day is made of its quarters, so that the dearest of these are not the dearest rows
    if sources.most is None or not crowded or not set(TIMES).isdisjoint(by):
        return ordered(rows_of(sources.ledger.store.groups(stored(by), wanted), by, zone), by), 0, rest
    for name in ("trend", "percentiles"):
        if asked[name]:
            raise Unanswerable(
                f"{name}: users, sessions and conversations are too many for this question here; use the command"
            )
    if asked["sort"] not in (None, "cost", "cost:desc"):
        raise Unanswerable(
            "sort: users, sessions and conversations are too many here; they come sorted by cost, or use the command"
        )
    found = sources.ledger.store.dearest(stored(by), wanted, sources.most)
    for group in found.rest:
        rest.add(group)
    return ordered(rows_of(found.groups, by, zone), by), found.left, rest


def _before(asked: Asked, zone: tzinfo) -> Window:
    """The window before the asked one: the calendar period before, or one that is as long."""
    if asked.get("period") is not None:
        named: Calendar = asked["period"]
        since, until = named._replace(day=named.day - timedelta(days=1)).within(zone)
    else:
        if asked["since"] is None:
            raise Unanswerable("trend needs a beginning: name a period, or since when")
        until = asked["since"]
        since = until - ((asked["until"] or datetime.now(UTC)) - until)
    return window(since, until, asked["run"], where=asked["where"] or ())


def _beside(ledger: Ledger, rows: list[Row], by: Sequence[By], asked: Asked, zone: tzinfo) -> list[Row]:
    """The rows with the cost of the period before, and rows of what was spent before only."""
    if not set(TIMES).isdisjoint(by):
        raise Unanswerable(f"trend compares two periods, so leave {', '.join(TIMES)} out of by")
    earlier = rows_of(ledger.store.groups(stored(by), _before(asked, zone)), by)
    before = {row.whole_key: row.cost for row in earlier}
    for row in rows:
        row.before = before.pop(row.whole_key, {})
    return rows + [Row(key[0], beside=key[1:], before=cost) for key, cost in before.items()]


def _time(ledger: Ledger, rows: Sequence[Row], by: Sequence[By], asked: Asked, zone: tzinfo) -> None:
    """Give each row its percentiles. Percentiles cannot be added up, so each calendar period is asked for by itself."""
    times = [name for name in by if name in TIMES]
    others = [name for name in by if name not in TIMES]
    places = {row.whole_key: row for row in rows}
    finest = cast("PeriodName | None", min(times, key=TIMES.index, default=None))
    windows = [(None, asked_window(asked))]
    if finest is not None:
        if len(times) > 1:
            raise Unanswerable(f"percentiles go with one of {', '.join(TIMES)}")
        labels = sorted({key[by.index(finest)] for key in places} - {None}, key=str)
        if len(labels) > MOST_PERIODS:
            raise Unanswerable(f"percentiles: {len(labels)} times a {finest} are too many; ask for a shorter time")
        windows = [(label, _cut(asked, str(label), zone)) for label in labels]
    for label, wanted in windows:
        if others:
            found = ledger.store.latencies(stored(others), asked["percentiles"], wanted)
        else:
            found = {(): ledger.store.latency(asked["percentiles"], wanted)}
        for values, latency in found.items():
            key = dict(zip(others, key_of(others, stored(others), values, zone), strict=True))
            row = places.get(tuple(key.get(name, label) if name in others else label for name in by))
            if row is not None and latency.calls:
                row.latency = dict(zip(asked["percentiles"], latency.quantiles_ns, strict=True))


def _cut(asked: Asked, label: str, zone: tzinfo) -> Window:
    since, until = calendar(label).within(zone)
    limited = {
        "since": max(filter(None, (since, asked["since"]))),
        "until": min(filter(None, (until, asked["until"]))),
    }
    return asked_window({**asked, **limited})


def _sorted(rows: list[Row], by: Sequence[By], sort: str | None) -> list[Row]:
    if sort is None:
        return rows
    name, _, way = sort.partition(":")
    if name == _NAMES:
        return sorted(rows, key=lambda row: tuple(word or "" for word in row.whole_key), reverse=way == "desc")
    # rows that are equal stay in their usual order
    return sorted(rows, key=_SORTS[name], reverse=way != "asc")


def _sort(text: str) -> str:
    name, colon, way = text.partition(":")
    word(*_SORTS, _NAMES)(name)
    if colon and way not in ("asc", "desc"):
        raise ValueError(f"{text[:40]!r} has no order; write {name}:asc or {name}:desc")
    return text


def _percentiles(text: str) -> tuple[int, ...]:
    read = number(100)
    return tuple(dict.fromkeys(read(part.strip().removeprefix("p")) for part in text.split(",")))


def _columns(asked: Asked) -> tuple[Column, ...]:
    ranks = {"input": 1, "cache_read": 3, "output": 1, "reasoning": 4}
    used = (Column(kind, "count", f"tokens.{kind}", spare) for kind, spare in ranks.items())
    timed = (Column(f"p{percent}", "duration_ns") for percent in asked["percentiles"] or ())
    compared = (Column("before", "of_currency"), Column("change_percent", "of_currency")) if asked["trend"] else ()
    inside = (Column("with_inside", "of_currency"),) if "agent" in asked["by"] else ()
    return (
        *(Column(name, "key") for name in asked["by"]),
        *(Column("calls", "count"), Column("errors", "count", spare=2), *used),
        *(Column("unpriced", "count"), *timed),
        *(*compared, *inside, Column("cost", "cost")),
    )


BY: Final = Option(
    *("by", dimensions, f"what to sum by, several with commas between: {', '.join(DIMENSIONS)}"),
    default="model",
    metavar="NAME",
    choices=DIMENSIONS,
)
SORT: Final = Option(
    *(
        "sort",
        _sort,
        f"order of the rows: {', '.join((*_SORTS, _NAMES))}; cost:asc for the smallest first",
        None,
        "NAME",
    )
)
REPORT: Final = Report(
    name="spend",
    command="report",
    question="what was spent, by model, department, application, user, agent, day and more",
    ask=_ask,
    columns=_columns,
    options=(
        *(BY, *WINDOW, SORT),
        Option("limit", number(MOST_ROWS), "how many rows; the total is of all", None, "N"),
        Option("percentiles", _percentiles, "durations of the calls, such as 50,95: that many percent took no longer"),
        Option("trend", word("yes"), "`yes`: beside the cost of the period before", None, "yes"),
    ),
    control={"by": ("operation",)},
)
