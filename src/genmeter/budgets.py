"""The user's budgets: the table ``[budgets]`` of genmeter.toml, which is checked as a whole before anything starts.

For example::

    [budgets.support]
    scope = { department = "support" }
    amount = "250.00"
    period = "month"
    on_exceed = "warn"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from genmeter import userkeys
from genmeter.errors import GenmeterError
from genmeter.model import PICO, SCOPES
from genmeter.periods import PERIODS, PeriodName
from genmeter.settings import BudgetTable, Settings
from genmeter.spelling import unknown
from genmeter.state import users_file
from genmeter.texts import name_of
from genmeter.tomllines import Lines
from genmeter.userkeys import UserKey, pseudonyms

OnExceed = Literal["warn", "reject"]
Unreachable = Literal["local", "reject"]

THRESHOLDS: Final = (50, 75, 90, 100)
"""The percentages of the amount that a budget has where the file names none."""
KEYS: Final = (
    "scope",
    "amount",
    "currency",
    "period",
    "time_zone",
    "owner",
    "thresholds",
    "on_exceed",
    "shared",
    "reserve",
    "unreachable",
)

USER: Final = "user"
"""The scope that is a user, beside ``SCOPES``: the id as the application gives it, or its hash."""

_HASH = re.compile(r"u[0-9]*-[0-9a-f]{32}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_AMOUNT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,12}))?")
_MOST_PERCENT, _LONGEST = 1000, 200


class BudgetsError(GenmeterError, ValueError):
    """A budget that cannot be used. The message names the file, the line, the key, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of money for each calendar period, and the calls that count against it.

    ``amount`` is pico-USD for each ``period`` of the time zone ``zone``; ``time_zone`` is the zone's name. A call counts
    if it has every value of ``scope``; with an empty scope every call counts. In a scope, ``model`` is the model that
    answered, and ``user`` is the hash that the newest key gives; ``users`` are the hashes of every version, in any of which
    the records may have the user. ``thresholds`` are percentages of the amount, in rising order. ``on_exceed`` says what an application does
    once its calls have cost the amount: log a warning, reject further calls, or nothing (None). Where ``shared`` is true,
    the calls of all applications count, as the ledger service says: each call reserves ``reserve`` pico-USD there, 0 for
    as much as the dearest call before it. ``unreachable`` says what an application does that cannot reach the service:
    keep to the amount by itself (local), or reject its calls.
    """

    id: str
    amount: int
    period: PeriodName
    scope: Mapping[str, str] = field(default_factory=dict[str, str])
    time_zone: str = "UTC"
    zone: tzinfo = UTC
    owner: str = ""
    thresholds: tuple[int, ...] = THRESHOLDS
    on_exceed: OnExceed | None = None
    shared: bool = False
    reserve: int = 0
    unreachable: Unreachable = "local"
    users: frozenset[str] = frozenset()

    def covers(self, has: Mapping[str, str | None], user: str | None) -> bool:
        """Whether a call counts that ``has`` these values of ``SCOPES`` and this user."""
        return all(
            user in self.users if name == USER else has.get(name) == wanted for name, wanted in self.scope.items()
        )

    @property
    def scope_text(self) -> str:
        """The scope as text, for example ``department=support model=gpt-5.6``; ``everything`` for an empty scope."""
        return " ".join(f"{name}={wanted}" for name, wanted in self.scope.items()) or "everything"


def budgets_of(settings: Settings, metered: bool = False) -> tuple[Budget, ...]:
    """The budgets of the settings; an empty tuple where the file has none. Raises ``BudgetsError``.

    ``metered``: the meter is about to run on this machine, so that keys of user ids are made where there are none.
    """
    if settings.budgets is None:
        return ()
    return parse(settings.budgets, _keys(settings, metered), settings.raw_users)


def _keys(settings: Settings, make: bool) -> tuple[UserKey, ...]:
    """The keys of user ids: from the file that the user names, else the state folder's, if there are any."""
    if settings.keys or settings.raw_users:
        return settings.keys
    try:
        return (userkeys.make if make else userkeys.read)(users_file())
    except (OSError, RuntimeError, GenmeterError):
        return ()


def parse(table: BudgetTable, keys: Sequence[UserKey] = (), raw_users: bool = False) -> tuple[Budget, ...]:
    """The budgets of the table, in the order of the file. Raises ``BudgetsError`` for the first one that is wrong.

    ``keys`` are those under which users are hashed, the newest last; ``raw_users``: the records have the ids themselves.
    """
    lines = Lines(table.path, table.text, "budgets")
    return tuple(
        _of_user(_budget(row), row, keys, raw_users) for row in (_Row(lines, *one) for one in table.rows.items())
    )


class _Row(NamedTuple):
    """One budget as the file gives it, before it is checked."""

    lines: Lines
    id: str
    given: Any

    def wrong(self, why: str, *keys: str) -> BudgetsError:
        return BudgetsError(f"{self.lines.where(self.id, *keys)}: {why}")

    def text(self, key: str, usual: str) -> str:
        value = self.given.get(key, usual)
        if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST:
            raise self.wrong(f"{value!r}: write a string of one line, at most {_LONGEST} characters", key)
        return value.strip()


def _budget(row: _Row) -> Budget:
    if not _ID.fullmatch(row.id):
        raise row.wrong(
            "the name has a character that is not allowed; write up to 63 letters, digits, '-', '_' and '.'"
        )
    given = row.given
    if not isinstance(given, dict):
        raise row.wrong(f"a budget is a table; write [budgets.{row.id}] with amount and period below it")
    for key in cast("dict[str, Any]", given):
        if key not in KEYS:
            raise row.wrong(unknown("key", key, KEYS), key)
    currency = row.text("currency", "USD")
    if currency != "USD":
        raise row.wrong(f"{currency!r}: only USD; convert the amount to US dollars first", "currency")
    name = row.text("time_zone", "UTC")
    return Budget(
        id=row.id,
        amount=_money(row, "amount"),
        period=_period(row),
        scope=_scope(row),
        time_zone=name,
        zone=_zone(row, name),
        owner=row.text("owner", ""),
        thresholds=_thresholds(row),
        on_exceed=_on_exceed(row),
        shared=_shared(row),
        reserve=_money(row, "reserve") if "reserve" in given else 0,
        unreachable=_unreachable(row),
    )


def _of_user(budget: Budget, row: _Row, keys: Sequence[UserKey], raw_users: bool) -> Budget:
    """The budget with its user as the records have it: no text of a budget shows the id itself."""
    user = name_of(budget.scope.get(USER), whole=True)
    if user is None:
        return budget
    if raw_users or _HASH.fullmatch(user):
        return replace(budget, users=frozenset({user}))
    if not keys:
        raise row.wrong(
            "the key that hashes user ids is not here; run 'genmeter users make' if the application runs on this machine, "
            "else name a copy of its file as attribution.user_key_file, or write the hash that 'genmeter users match' shows",
            "scope",
            USER,
        )
    hashes = pseudonyms(keys, user)
    return replace(budget, scope={**budget.scope, USER: hashes[-1]}, users=frozenset(hashes))


def _money(row: _Row, key: str) -> int:
    """An amount above zero, in pico-USD."""
    advice = 'write US dollars as a string, e.g. "250.00"'
    value = row.given.get(key)
    if value is None:
        raise row.wrong(f"the {key} is missing; {advice}", key)
    try:
        pico = pico_of(value.strip() if isinstance(value, str) else value)
    except ValueError:
        raise row.wrong(f"{value!r} is not an amount; {advice}", key) from None
    if pico == 0:
        raise row.wrong(f"{value!r}: the {key} must be above zero; {advice}", key)
    return pico


def pico_of(written: object) -> int:
    """The pico-USD of an amount in US dollars, with up to 12 decimals. Raises ``ValueError``.

    >>> pico_of("250.00")
    250000000000000
    """
    parts = _AMOUNT.fullmatch(written) if isinstance(written, str) else None
    if parts is None:
        raise ValueError('write US dollars as a text, for example "12.50"')
    return int(parts[1]) * PICO + int((parts[2] or "").ljust(12, "0"))


def _period(row: _Row) -> PeriodName:
    value = row.given.get("period")
    if value not in PERIODS:
        said = "the period is missing" if value is None else f"{value!r} is not a period"
        raise row.wrong(f"{said}; write one of {', '.join(PERIODS)}", "period")
    return value


def _scope(row: _Row) -> dict[str, str]:
    value = row.given.get("scope", {})
    if not isinstance(value, dict):
        raise row.wrong('write a table, e.g. scope = { department = "support" }', "scope")
    for name, wanted in cast("dict[str, Any]", value).items():
        if name not in (*SCOPES, USER):
            raise row.wrong(unknown("scope", name, (*SCOPES, USER)), "scope", name)
        if not isinstance(wanted, str) or not wanted.strip() or not wanted.isprintable() or len(wanted) > _LONGEST:
            raise row.wrong(f"{wanted!r}: write the name of one {name} as a string", "scope", name)
    # The order does not depend on the file: labels and tables follow it.
    return {name: cast("str", value[name]).strip() for name in (*SCOPES, USER) if name in value}


def _zone(row: _Row, name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise row.wrong(
            f"{name!r} is not a time zone that this machine knows; write an IANA name, e.g. Europe/Paris, "
            "or install the system's tzdata",
            "time_zone",
        ) from None


def _thresholds(row: _Row) -> tuple[int, ...]:
    value = row.given.get("thresholds", list(THRESHOLDS))
    levels = cast("list[Any]", value) if isinstance(value, list) else []
    whole = all(type(level) is int and 0 < level <= _MOST_PERCENT for level in levels)
    if not levels or not whole or levels != sorted(set(levels)):
        raise row.wrong(
            f"{value!r}: write whole percentages from 1 to {_MOST_PERCENT} in rising order, e.g. {list(THRESHOLDS)}",
            "thresholds",
        )
    return tuple(levels)


def _on_exceed(row: _Row) -> OnExceed | None:
    value = row.given.get("on_exceed")
    if value not in (None, "warn", "reject"):
        raise row.wrong(
            f'{value!r}: write "warn" or "reject", or leave the key out: the budget then changes nothing in the application',
            "on_exceed",
        )
    return value


def _shared(row: _Row) -> bool:
    value = row.given.get("shared", False)
    if not isinstance(value, bool):
        raise row.wrong(f"{value!r}: write true or false", "shared")
    if value and row.given.get("on_exceed") is None:
        raise row.wrong('a shared budget needs on_exceed; write "warn" or "reject" there', "shared")
    for key in ("reserve", "unreachable"):
        if key in row.given and not value:
            raise row.wrong(f"{key} is for a shared budget; write shared = true, or leave {key} out", key)
    return value


def _unreachable(row: _Row) -> Unreachable:
    value = row.given.get("unreachable", "local")
    if value not in ("local", "reject"):
        raise row.wrong(
            f'{value!r}: write "local", and each application keeps to the amount by itself while the ledger service does not '
            'answer, or "reject"',
            "unreachable",
        )
    return value
