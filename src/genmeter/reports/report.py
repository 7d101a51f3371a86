"""What a report is: a question put to the ledger, its options, and the columns of its table.

The command line, the read API and the page are made from these descriptions; none of them knows a single report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from genmeter.errors import GenmeterError
from genmeter.instants import moment
from genmeter.reports.dimensions import calendar, conditions, time_zone

if TYPE_CHECKING:
    from genmeter.budgets import Budget
    from genmeter.ledger import Ledger
    from genmeter.reports.terms import Terms

Plain = dict[str, Any]
"""What JSON can hold: a row of a report, or a whole answer."""
Asked = Mapping[str, Any]
"""Option → its value, read."""
Kind = Literal[
    "key",
    "text",
    "count",
    "number",
    "amount",
    "estimate",
    "cost",
    "of_currency",
    "percent",
    "scope",
    "time_us",
    "duration_ns",
    "trace",
]


class Column(NamedTuple):
    """One column of a report's table.

    ``path`` says where the value lies in a plain row, levels apart by dots; empty, it is the name. The kinds: a ``key``
    is what the rows are summed by, None where a call did not say it. An ``amount`` is exact decimal text, an
    ``estimate`` is rounded to a millionth where a table shows it, a ``cost`` maps currencies to amounts, and an
    ``of_currency`` maps the same currencies to another amount or text. A ``scope`` maps dimensions to values, ``time_us`` is Unix microseconds, ``duration_ns`` nanoseconds, a ``trace`` the id of one.
    Columns with a ``spare`` are left out where a terminal is too narrow, the highest first.
    """

    name: str
    kind: Kind = "text"
    path: str = ""
    spare: int = 0


class Option(NamedTuple):
    """One option of a report: ``--name`` of its command, ``name=`` of its route.

    ``read`` makes a value of the text and raises ``ValueError``. ``default`` is a text to read, or None for no value.
    ``choices`` are the words that the text is made of, where they are known. ``many``: the command takes the option
    several times, and the values, which are tuples, are joined.
    """

    name: str
    read: Callable[[str], Any]
    words: str
    default: str | None = None
    metavar: str = "VALUE"
    choices: tuple[str, ...] = ()
    many: bool = False


SINCE: Final = Option("since", moment, "calls from this instant on: a date, a time, or 7d for days ago", None, "WHEN")
UNTIL: Final = Option("until", moment, "calls before this instant, itself not included", None, "WHEN")
PERIOD: Final = Option("period", calendar, "a month, week, quarter or day: 2026-11, 2026-W48, 2026-Q4", None, "WHEN")
TIMEZONE: Final = Option(
    "timezone", time_zone, "whose days these are, as in Europe/Berlin (default: UTC)", None, "ZONE"
)
WHERE: Final = Option(
    *("where", conditions, "calls with these values: department=desk|ops,model!=gpt-5", None, "NAME=VALUE"), many=True
)
RUN: Final = Option("run", str, "calls of one `genmeter run` alone, by its id", None, "ID")
WINDOW: Final = (SINCE, UNTIL, PERIOD, TIMEZONE, WHERE, RUN)


def number(most: int) -> Callable[[str], int]:
    """A reader of whole numbers from 1 to ``most``, which raises ``ValueError``.

    >>> number(500)("12")
    12
    """

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= most:
            raise ValueError(f"{text[:40]!r} is no number from 1 to {most}")
        return int(text)

    return read


def word(*choices: str) -> Callable[[str], str]:
    """A reader of one of these words, which raises ``ValueError``.

    >>> word("cost", "calls")("calls")
    'calls'
    """

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"invalid choice: {text[:40]!r} (choose from {', '.join(choices)})")
        return text

    return read


class Unanswerable(GenmeterError, ValueError):
    """A question that makes no sense: which option is wrong, and what to write instead."""


def _terms() -> Terms:
    """The terms of the user's file as it is now."""
    from genmeter.reports.terms import TermsError, terms_of
    from genmeter.settings import Settings, SettingsError

    try:
        return terms_of(Settings.load().chargeback)
    except SettingsError as error:
        raise TermsError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report may read: the ledger, and the budgets in force; ``most`` rows are wanted, None for all.

    ``terms`` reads the terms of chargeback; it raises ``TermsError``.
    """

    ledger: Ledger
    budgets: Sequence[Budget] = ()
    most: int | None = None
    terms: Callable[[], Terms] = _terms


class Form(NamedTuple):
    """Another form of a report's answer: a flat table for other programs. ``rows`` raises ``Unanswerable``.

    Each of ``columns`` is a name and the type of its values, as ``genmeter.reports.parquet`` has them.
    """

    columns: Sequence[tuple[str, str]]
    rows: Callable[[Sources, Asked], Iterable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Report:
    """A question with its options and columns. ``ask`` answers with a plain document whose rows stand under ``rows``.

    ``name`` names the route, ``command`` the command (the name, where it is empty). ``steady`` says that an answer
    stays right until the ledger changes, so that it may be kept. ``ask`` raises ``StorageError``. ``control`` are options under which the total must be the same.
    ``forms`` are further forms of the answer, by name.
    """

    name: str
    question: str
    ask: Callable[[Sources, Asked], Plain]
    columns: Callable[[Asked], tuple[Column, ...]]
    options: tuple[Option, ...] = WINDOW
    command: str = ""
    rows: str = "rows"
    steady: bool = True
    control: Mapping[str, Any] | None = None
    forms: Mapping[str, Form] = field(default_factory=dict[str, Form])

    def answer(self, sources: Sources, asked: Asked) -> Plain:
        """The document of ``ask``, with the ``columns`` of its table."""
        return {**self.ask(sources, asked), "columns": self.laid_out(asked)}

    def laid_out(self, asked: Asked) -> list[Plain]:
        """The columns as plain data."""
        return [column._asdict() for column in self.columns(asked)]


def read(options: Sequence[Option], texts: Mapping[str, str]) -> dict[str, Any]:
    """The value of each option, from ``texts`` or by default; an empty text is none. Raises ``Unanswerable``.

    >>> read(WINDOW, {"since": "2026-11-20"})["since"].isoformat()
    '2026-11-20T00:00:00+00:00'
    """
    values: dict[str, Any] = {}
    for option in options:
        text = texts.get(option.name) or option.default
        try:
            values[option.name] = None if text is None else option.read(text)
        except ValueError as error:
            raise Unanswerable(f"{option.name}: {error}") from None
    return settled(values)


def settled(asked: Asked, spelled: str = "{}") -> dict[str, Any]:
    """The values with ``since`` and ``until`` in UTC: those of the ``period``, and texts without an offset in the zone.

    ``spelled`` is how the reader writes an option. Raises ``Unanswerable`` where the window does not begin before it ends.

    >>> berlin = {"timezone": time_zone("Europe/Berlin"), "period": calendar("2026-11"), "since": None, "until": None}
    >>> settled(berlin)["since"].isoformat()
    '2026-10-31T23:00:00+00:00'
    """
    values = dict(asked)
    zone: tzinfo = values.get("timezone") or UTC
    for name in ("since", "until"):
        named = values.get(name)
        if isinstance(named, datetime):
            values[name] = _in_utc(named if named.tzinfo else named.replace(tzinfo=zone))
    if values.get("period") is not None:
        if values["since"] or values["until"]:
            first, last = spelled.format("since"), spelled.format("until")
            raise Unanswerable(f"{spelled.format('period')} is a whole window; leave {first} and {last} out")
        try:
            values["since"], values["until"] = values["period"].within(zone)
        except (ValueError, OverflowError):
            raise Unanswerable(f"{spelled.format('period')}: {values['period']} is outside the calendar") from None
    check(values, spelled)
    return values


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


def check(asked: Asked, spelled: str = "{}") -> None:
    """Whether the window begins before it ends; ``spelled`` is how the reader writes an option. Raises ``Unanswerable``.

    >>> check({"since": datetime(2026, 11, 20, tzinfo=UTC), "until": datetime(2026, 11, 21, tzinfo=UTC)})
    """
    since, until = asked.get("since"), asked.get("until")
    if since is not None and until is not None and since >= until:
        first, last = spelled.format("since"), spelled.format("until")
        raise Unanswerable(
            f"{first} {since:%Y-%m-%dT%H:%M:%SZ} is not before {last} {until:%Y-%m-%dT%H:%M:%SZ};"
            f" give an earlier {first} or a later {last}"
        )
