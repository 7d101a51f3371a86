"""What a report is: a question put to the ledger, its options, and the columns of its table.

The command line, the read API and the page are made from these descriptions; none of them knows a single report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from genmeter.errors import GenmeterError
from genmeter.instants import instant

if TYPE_CHECKING:
    from genmeter.budgets import Budget
    from genmeter.ledger import Ledger

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
    ``estimate`` is rounded to a millionth where a table shows it, a ``cost`` maps currencies to amounts. A ``scope``
    maps dimensions to values, ``time_us`` is Unix microseconds, ``duration_ns`` nanoseconds, a ``trace`` the id of one.
    """

    name: str
    kind: Kind = "text"
    path: str = ""


class Option(NamedTuple):
    """One option of a report: ``--name`` of its command, ``name=`` of its route.

    ``read`` makes a value of the text and raises ``ValueError``. ``default`` is a text to read, or None for no value.
    ``choices`` are the words that the text is made of, where they are known.
    """

    name: str
    read: Callable[[str], Any]
    words: str
    default: str | None = None
    metavar: str = "VALUE"
    choices: tuple[str, ...] = ()


SINCE: Final = Option("since", instant, "calls from this instant on: a date, a time, or 7d for days ago", None, "WHEN")
UNTIL: Final = Option("until", instant, "calls before this instant, itself not included", None, "WHEN")
RUN: Final = Option("run", str, "calls of one `genmeter run` alone, by its id", None, "ID")
WINDOW: Final = (SINCE, UNTIL, RUN)


class Unanswerable(GenmeterError, ValueError):
    """A question that makes no sense: which option is wrong, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report may read: the ledger, and the budgets in force; ``most`` rows are wanted, None for all."""

    ledger: Ledger
    budgets: Sequence[Budget] = ()
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A question with its options and columns. ``ask`` answers with a plain document whose rows stand under ``rows``.

    ``name`` names the route, ``command`` the command (the name, where it is empty). ``steady`` says that an answer
    stays right until the ledger changes, so that it may be kept. ``ask`` raises ``StorageError``.
    """

    name: str
    question: str
    ask: Callable[[Sources, Asked], Plain]
    columns: Callable[[Asked], tuple[Column, ...]]
    options: tuple[Option, ...] = WINDOW
    command: str = ""
    rows: str = "rows"
    steady: bool = True

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
    check(values)
    return values


def check(asked: Asked, spelled: str = "{}") -> None:
    """Whether the window begins before it ends; ``spelled`` is how the reader writes an option. Raises ``Unanswerable``.

    >>> check({"since": instant("2026-11-20"), "until": instant("2026-11-21")})
    """
    since, until = asked.get("since"), asked.get("until")
    if since is not None and until is not None and since >= until:
        first, last = spelled.format("since"), spelled.format("until")
        raise Unanswerable(
            f"{first} {since:%Y-%m-%dT%H:%M:%SZ} is not before {last} {until:%Y-%m-%dT%H:%M:%SZ};"
            f" give an earlier {first} or a later {last}"
        )
