"""Sums of what was spent, by one dimension or by several at once: the rows of `genmeter report` and of the receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, cast

from genmeter import names
from genmeter.model import usd
from genmeter.reports.dimensions import DIMENSIONS, TIMES, By, key_of, stored
from genmeter.reports.document import add, money
from genmeter.reports.report import Plain
from genmeter.reports.window import Moment, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Condition, Group


@dataclass(slots=True)
class Row:
    """One line of a spend report. ``key`` is None where the calls did not say it; ``cost`` is currency → pico units.

    ``tokens`` is field of ``model.Usage`` → sum over the calls that reported it; ``unpriced`` calls are in ``calls``
    and not in ``cost``. ``beside`` has the values of the further dimensions, where there are several. ``before`` is the cost
    of the period before, None where it was not asked for; ``latency`` is percent → duration in ns. ``with_inside`` is, of
    an agent, its own cost and that of the agents inside it: such costs overlap, and add up to nothing.
    """

    key: str | None
    calls: int = 0
    errors: int = 0
    unpriced: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(names.USAGE_TOKENS, 0))
    cost: dict[str, int] = field(default_factory=dict[str, int])
    beside: tuple[str | None, ...] = ()
    before: dict[str, int] | None = None
    latency: dict[int, int] = field(default_factory=dict[int, int])
    with_inside: dict[str, int] | None = None

    @property
    def whole_key(self) -> tuple[str | None, ...]:
        """The values of all its dimensions."""
        return (self.key, *self.beside)

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
    where: Sequence[Condition] = (),
) -> list[Row]:
    """Sums over calls started in [``since``, ``until``), dearest first; by a time, the oldest first, times being of ``zone``.

    Trimmed calls are included: they count at 00:00 UTC of their day, and their sessions are forgotten.
    Raises ``ValueError`` for an unknown ``by`` and ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     spend(ledger, by=("application", "model"))
    []
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in DIMENSIONS:
            raise ValueError(f"spend cannot be grouped by {name!r}; use one of {', '.join(DIMENSIONS)}")
    groups = ledger.store.groups(stored(names), window(since, until, run, zone, where))
    return ordered(rows_of(groups, names, zone), names)


def rows_of(groups: Iterable[Group], names: Sequence[By], zone: tzinfo = UTC) -> list[Row]:
    """The rows by dimensions ``names`` that groups by ``stored(names)`` add up to.

    >>> rows_of([], ["model"])
    []
    """
    rows: dict[tuple[str | None, ...], Row] = {}
    columns = stored(names)
    for group in groups:
        key = key_of(names, columns, group.key, zone)
        rows.setdefault(key, Row(key[0], beside=key[1:])).add(group)
    return list(rows.values())


def inclusive(rows: list[Row], groups: Iterable[Group], names: Sequence[By], zone: tzinfo = UTC) -> list[Row]:
    """The rows by agent with what each has spent together with the agents inside it; rows of agents without own calls too.

    ``groups`` are those by ``stored(names)`` and by ``agent_path``.

    >>> inclusive([Row("triage", cost={"USD": 1})], [], ["agent"])[0].with_inside
    {}
    """
    columns, place = [*stored(names), "agent_path"], names.index("agent")
    known = {row.whole_key: row for row in rows}
    for row in rows:
        row.with_inside = {}
    for group in groups:
        key = key_of(names, columns, group.key, zone)
        for agent in _agents(cast("str | None", group.key[-1]), key[place]):
            whole = (*key[:place], agent, *key[place + 1 :])
            row = known.setdefault(whole, Row(whole[0], beside=whole[1:]))
            row.with_inside = row.with_inside or {}
            add(row.with_inside, group.currency, group.cost)
    return list(known.values())


def _agents(path: str | None, nearest: str | None) -> set[str | None]:
    """The agents around a call, each once.

    >>> sorted(_agents("desk/a%2Fb/desk", "desk"))
    ['a/b', 'desk']
    """
    steps = [] if path is None else path.split("/")
    return {nearest, *(step.replace("%2F", "/").replace("%25", "%") for step in steps)}


def ordered(rows: Sequence[Row], names: Sequence[By]) -> list[Row]:
    """The rows in their usual order: the dearest first, and where the first dimension is a time, the oldest.

    >>> [row.key for row in ordered([Row("a", cost={"USD": 1}), Row("b", cost={"USD": 2})], ["model"])]
    ['b', 'a']
    """
    found = sorted(rows, key=_dearest)
    return sorted(found, key=lambda row: row.key or "") if names[0] in TIMES else found


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
        if row.before is not None:
            whole.before = whole.before or {}
            for currency, cost in row.before.items():
                add(whole.before, currency, cost)
    return whole


def plain(row: Row, by: Sequence[str] = ()) -> Plain:
    """The row as plain data. ``key`` is its first dimension; each dimension of ``by`` stands under its own name too.

    >>> plain(Row("gpt-5", calls=1, cost={"USD": 12_500_000_000}), ["model"])["cost"]
    {'USD': '0.0125'}
    """
    document: Plain = {
        "key": row.key,
        **dict(zip(by, (row.key, *row.beside), strict=False)),
        "calls": row.calls,
        "errors": row.errors,
        "unpriced": row.unpriced,
        "tokens": row.tokens,
        "cost": money(row.cost),
    }
    if row.before is not None:
        document["before"] = {currency: usd(pico) for currency, pico in _both(row, row.before)}
        document["change_percent"] = {
            currency: _change(row.cost.get(currency, 0), pico) for currency, pico in _both(row, row.before)
        }
    if row.with_inside is not None:
        document["with_inside"] = {
            currency: usd(row.with_inside.get(currency, 0)) for currency in sorted({*row.cost, *row.with_inside})
        }
    return {**document, **{f"p{percent}": took for percent, took in row.latency.items()}}


def _both(row: Row, before: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(currency, before.get(currency, 0)) for currency in sorted({*row.cost, *before})]


def _change(now: int, before: int) -> str:
    """The change in percent, rounded to a tenth; ``new`` where nothing was spent before."""
    if not before:
        return "new" if now else "0.0"
    tenths, rest = divmod(abs(now - before) * 1000, before)
    tenths += rest * 2 >= before
    return f"{'-' if now < before and tenths else ''}{tenths // 10}.{tenths % 10}"


def _dearest(row: Row) -> tuple[int, int, int, bool, str]:
    others = sum(cost for currency, cost in row.cost.items() if currency != "USD")
    key = " ".join(word or "" for word in (row.key, *row.beside))
    return (-row.cost.get("USD", 0), -others, -row.calls, row.key is None, key)
