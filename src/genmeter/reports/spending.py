"""What was spent, by one dimension or by several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from genmeter import names
from genmeter.reports.document import add, money
from genmeter.reports.report import WINDOW, Asked, Column, Option, Plain, Report, Sources
from genmeter.reports.window import Moment, day_of_quarter, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Group

By = Literal["model", "department", "application", "user", "session", "day", "provider", "environment", "operation"]
DIMENSIONS: Final[tuple[By, ...]] = get_args(By)
_MANY: Final = frozenset(("user", "session"))
"""Dimensions with so many values that not all of them are held in memory at once."""
_STORED = {"user": "user_hash", "day": "quarter"}


@dataclass(slots=True)
class Row:
    """One line of a spend report. ``key`` is None where the calls did not say it; ``cost`` is currency → pico units.

    ``tokens`` is field of ``model.Usage`` → sum over the calls that reported it; ``unpriced`` calls are in ``calls``
    and not in ``cost``. ``beside`` has the values of the further dimensions, where there are several.
    """

    key: str | None
    calls: int = 0
    errors: int = 0
    unpriced: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(names.USAGE_TOKENS, 0))
    cost: dict[str, int] = field(default_factory=dict[str, int])
    beside: tuple[str | None, ...] = ()

    def add(self, group: Group) -> None:
        """Add the ledger's sums of one group."""
        self.calls += group.calls
        self.errors += group.errors
        self.unpriced += group.unpriced
        for name, tokens in zip(names.USAGE_TOKENS, group.usage, strict=True):
            self.tokens[name] += tokens
        add(self.cost, group.currency, group.cost)


def spend(
    ledger: Ledger,
    *,
    by: By | Sequence[By] = "model",
    since: Moment | None = None,
    until: Moment | None = None,
    run: str | None = None,
    zone: tzinfo = UTC,
) -> list[Row]:
    """Sums over calls started in [``since``, ``until``), dearest first; by day, oldest day first, days being of ``zone``.

    Trimmed calls are included: they count at 00:00 UTC of their day, and their sessions are forgotten.
    Raises ``ValueError`` for an unknown ``by`` and ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     spend(ledger, by=("application", "model"))
    []
    """
    dimensions = (by,) if isinstance(by, str) else tuple(by)
    for name in dimensions:
        if name not in DIMENSIONS:
            raise ValueError(f"spend cannot be grouped by {name!r}; use one of {', '.join(DIMENSIONS)}")
    return _rows(ledger.store.groups(_stored(dimensions), window(since, until, run, zone)), dimensions, zone)


def _stored(dimensions: Sequence[By]) -> list[str]:
    return [_STORED.get(name, name) for name in dimensions]


def _rows(groups: Sequence[Group], dimensions: Sequence[By], zone: tzinfo = UTC) -> list[Row]:
    rows: dict[tuple[str | None, ...], Row] = {}
    for group in groups:
        key = tuple(_shown(name, value, zone) for name, value in zip(dimensions, group.key, strict=True))
        rows.setdefault(key, Row(key[0], beside=key[1:])).add(group)
    found = sorted(rows.values(), key=_dearest)
    return sorted(found, key=lambda row: row.key or "") if dimensions[0] == "day" else found


def total(rows: Sequence[Row]) -> Row:
    """The sum of a report's rows, under the key None.

    >>> total([Row("a", calls=2, cost={"USD": 5}), Row("b", calls=1, cost={"USD": 7})]).cost
    {'USD': 12}
    """
    whole = Row(None)
    for row in rows:
        whole.calls, whole.errors, whole.unpriced = (
            whole.calls + row.calls,
            whole.errors + row.errors,
            whole.unpriced + row.unpriced,
        )
        for name, tokens in row.tokens.items():
            whole.tokens[name] += tokens
        for currency, cost in row.cost.items():
            add(whole.cost, currency, cost)
    return whole


def plain(row: Row, by: Sequence[str] = ()) -> Plain:
    """The row as plain data. ``key`` is its first dimension; each dimension of ``by`` stands under its own name too.

    >>> plain(Row("gpt-5", calls=1, cost={"USD": 12_500_000_000}), ["model"])["cost"]
    {'USD': '0.0125'}
    """
    return {
        "key": row.key,
        **dict(zip(by, (row.key, *row.beside), strict=False)),
        "calls": row.calls,
        "errors": row.errors,
        "unpriced": row.unpriced,
        "tokens": row.tokens,
        "cost": money(row.cost),
    }


def dimensions(text: str) -> tuple[By, ...]:
    """The dimensions that a text names, with commas between them. Raises ``ValueError``.

    >>> dimensions("application,model")
    ('application', 'model')
    """
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in found:
        if name not in DIMENSIONS:
            raise ValueError(f"invalid choice: {name[:40]!r} (choose from {', '.join(DIMENSIONS)})")
    return cast(tuple[By, ...], found)


def _ask(sources: Sources, asked: Asked) -> Plain:
    by: tuple[By, ...] = asked["by"]
    question: dict[str, Any] = {name: asked[name] for name in ("since", "until", "run")}
    # a row of a day is made of its quarters, so that the dearest of these are not the dearest rows
    if sources.most is not None and not _MANY.isdisjoint(by) and "day" not in by:
        found = sources.ledger.store.dearest(_stored(by), window(**question), sources.most)
        rows, rest = _rows(found.groups, by), Row(None)
        for group in found.rest:
            rest.add(group)
        document: Plain = {
            "by": ",".join(by),
            "rows": [plain(row, by) for row in rows],
            "total": plain(total([*rows, rest])),
        }
        return {**document, "rows_left_out": found.left} if found.left else document
    rows = spend(sources.ledger, by=by, **question)
    return {"by": ",".join(by), "rows": [plain(row, by) for row in rows], "total": plain(total(rows))}


def _columns(asked: Asked) -> tuple[Column, ...]:
    used = (Column(kind, "count", f"tokens.{kind}") for kind in ("input", "cache_read", "output", "reasoning"))
    return (
        *(Column(name, "key") for name in asked["by"]),
        *(Column("calls", "count"), Column("errors", "count"), *used, Column("unpriced", "count")),
        Column("cost", "cost"),
    )


def _shown(dimension: By, value: str | int | None, zone: tzinfo) -> str | None:
    if value is None:
        return None
    return day_of_quarter(int(value), zone).isoformat() if dimension == "day" else str(value)


def _dearest(row: Row) -> tuple[int, int, int, bool, str]:
    others = sum(cost for currency, cost in row.cost.items() if currency != "USD")
    key = " ".join(word or "" for word in (row.key, *row.beside))
    return (-row.cost.get("USD", 0), -others, -row.calls, row.key is None, key)


BY: Final = Option(
    *("by", dimensions, f"what to sum by, several with commas between: {', '.join(DIMENSIONS)}"),
    default="model",
    metavar="NAME",
    choices=DIMENSIONS,
)
REPORT: Final = Report(
    name="spend",
    command="report",
    question="what was spent, by model, department, application, user, session, day and more",
    ask=_ask,
    columns=_columns,
    options=(BY, *WINDOW),
)
