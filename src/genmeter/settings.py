"""The user's own settings: one optional file ``genmeter.toml``, and environment variables, which win over the file.

Everything is read once, into frozen values. A value or a name in the file that cannot be used raises ``SettingsError``,
whose one line says where it stands and what to write instead. A variable ``GENMETER_...`` that genmeter does not know is
told in a warning and not refused, because any program may use this prefix.

No other module reads a variable of genmeter.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast

from genmeter import values
from genmeter.credentials import scrub
from genmeter.errors import GenmeterError
from genmeter.spelling import nearest, unknown
from genmeter.state import users_file
from genmeter.tomllines import Lines
from genmeter.userkeys import UserKey

T = TypeVar("T")
logger = logging.getLogger("genmeter")

CostAttributes = Literal["proposal", "own", "both", "off"]
MetricNames = Literal["latest", "legacy", "both"]
ContentMode = Literal["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"]
Unattributed = Literal["off", "tag", "warn", "reject"]

ATTRIBUTION_FIELDS = ("user", "department", "application", "session")
METRIC_LABELS = ("department", "application", "environment")
LABELS = (*METRIC_LABELS, "agent", "workflow")

_PREFIX: Final = "GENMETER_"
CONFIG: Final = "GENMETER_CONFIG"
LEDGER: Final = "GENMETER_LEDGER"
CONFIGURE_SDK: Final = "GENMETER_CONFIGURE_SDK"
FLUSH_ON_TERM: Final = "GENMETER_FLUSH_ON_TERM"
EXPORT: Final = "GENMETER_EXPORT"
USER_KEY_FILE: Final = "GENMETER_USER_KEY_FILE"


class SettingsError(GenmeterError, ValueError):
    """A setting that cannot be used; the message says where it stands and what to write."""


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A table of the user's own, unread, with the file's path and text so that a bad row can be shown by its line."""

    rows: Mapping[str, Any]
    path: str
    text: str


PriceTable = BudgetTable = ChargebackTable = OwnTable
"""``[prices]``, ``[budgets]`` and ``[chargeback]``, which ``pricing.own``, ``budgets`` and ``reports.terms`` read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a user decides about metering, with its default. The README's table of settings explains each."""

    cost_attributes: CostAttributes = "both"
    metrics: MetricNames = "latest"
    max_series: int = 2000
    chunk_times: bool = False
    event: bool = True
    export: str = ""
    content: ContentMode = "NO_CONTENT"
    content_limit: int = 8192
    ask_stream_usage: bool = True
    attribution: Mapping[str, str] = field(default_factory=dict[str, str])
    required: tuple[str, ...] = ("user", "department", "application")
    unattributed: Unattributed = "off"
    baggage: tuple[str, ...] = ()
    baggage_key: bytes | None = field(default=None, repr=False)
    baggage_values: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    metric_labels: tuple[str, ...] = METRIC_LABELS
    raw_users: bool = False
    user_key: bytes | None = field(default=None, repr=False)
    user_keys: tuple[UserKey, ...] = field(default=(), repr=False)
    sellers: Mapping[str, str] = field(default_factory=dict[str, str])
    skip_scopes: tuple[str, ...] = ()
    prices: PriceTable | None = None
    budgets: BudgetTable | None = None
    reservations: str = ""
    reservations_token_file: str = ""
    chargeback: ChargebackTable | None = None

    def __post_init__(self) -> None:
        """Refuse a field of baggage that is taken without a check: any client could say who pays."""
        unproven = [name for name in self.baggage if self.baggage_key is None and name not in self.baggage_values]
        strange = [name for name in self.baggage_values if name not in ATTRIBUTION_FIELDS]
        if unproven:
            raise SettingsError(
                f"attribution.baggage takes {unproven[0]} from incoming headers without a check; name the file of a key "
                f'that signs them as attribution.baggage_key_file, or write baggage_values.{unproven[0]} = ["..."]'
            )
        if strange:
            raise SettingsError(f"attribution.baggage_values: {unknown('field', strange[0], ATTRIBUTION_FIELDS)}")

    @property
    def keys(self) -> tuple[UserKey, ...]:
        """The keys of user ids that the user names, the newest last; empty where the state folder's file counts."""
        return self.user_keys or (() if self.user_key is None else (UserKey(1, self.user_key),))

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, path: str | os.PathLike[str] | None = None) -> Settings:
        """Read the file (``path``, which ``--config`` names, else ``GENMETER_CONFIG``, else the working folder's) and the environment.

        Raises:
            SettingsError: the file cannot be read, a name in it is unknown, or a value cannot be used.
        """
        environ = os.environ if environ is None else environ
        warn_of_unknown(environ)
        Startup.load(environ)
        source = _Source.open(environ, path)
        found: dict[str, Any] = {}
        for setting in _SETTINGS:
            value = source.read(setting)
            if value is not None:
                found[setting.field] = value
        prices, budgets, terms = (source.section(name) for name in ("prices", "budgets", "chargeback"))
        keys: tuple[UserKey, ...] = found.pop("user_keys", ())
        if len(keys) == 1 and not keys[0].made:
            found["user_key"] = keys[0].key
        else:
            found["user_keys"] = keys
        return cls(
            **found,
            attribution=source.attribution(),
            sellers=source.sellers(),
            prices=PriceTable(prices, source.path, source.text) if prices else None,
            budgets=BudgetTable(budgets, source.path, source.text) if budgets else None,
            chargeback=ChargebackTable(terms, source.path, source.text) if terms else None,
        )


class Startup(NamedTuple):
    """What the launcher's first step must know before the file is read; environment variables alone decide it."""

    configure_sdk: bool = True
    flush_on_term: bool = True

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Startup:
        """Read the environment. Raises ``SettingsError`` for a value that is neither on nor off."""
        source = _Source(os.environ if environ is None else environ, {}, "", "")
        configure = source.variable(CONFIGURE_SDK, values.switch)
        flush = source.variable(FLUSH_ON_TERM, values.switch)
        return cls(configure is not False, flush is not False)


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """The path of the user's file, whether or not it exists: ``GENMETER_CONFIG``, else the one in the working folder."""
    return Path((os.environ if environ is None else environ).get(CONFIG) or "genmeter.toml")


def user_key_file(environ: Mapping[str, str] | None = None, path: str | os.PathLike[str] | None = None) -> Path:
    """The file of keys that hash user ids, whether or not it exists: the one that is named, else the state folder's.

    Raises ``SettingsError`` for a file of settings that cannot be read, ``RuntimeError`` as ``users_file`` does.
    """
    environ = os.environ if environ is None else environ
    named = _Source.open(environ, path).read(_Setting("", USER_KEY_FILE, "attribution.user_key_file", values.text))
    return Path(named).expanduser() if isinstance(named, str) and named else users_file(environ)


def ledger_named(environ: Mapping[str, str] | None = None) -> str | None:
    """The ledger that ``GENMETER_LEDGER`` names, a file or a URL; None where the user names none."""
    return (os.environ if environ is None else environ).get(LEDGER) or None


def export_address(export: object) -> str:
    """The address that ``genmeter.instrument(export=...)`` means. Raises ``SettingsError``.

    >>> export_address("dev")
    'http://127.0.0.1:4318'
    """
    try:
        return values.destination(export)
    except ValueError as error:
        raise SettingsError(f"genmeter.instrument(export={export!r}): {error}") from None


class _Setting(NamedTuple):
    """One setting: its field of ``Settings``, its variable, its ``table.key`` in the file or "", and its reader.

    Other tools read the variables ``OTEL_...`` too, some with words of their own. Where ``foreign`` is given, such a word
    in the variable is no error and means this value. A variable that is empty is not set, as OpenTelemetry has it; where
    ``none`` is true, it is set and means: none at all.
    """

    field: str
    variable: str
    key: str
    read: Callable[[object], object]
    foreign: object = None
    none: bool = False


_ATTRIBUTION: Final = tuple(
    _Setting(name, f"GENMETER_{name.upper()}", f"attribution.{name}", values.text) for name in ATTRIBUTION_FIELDS
)
_SELLERS: Final = "GENMETER_SELLERS"
_SETTINGS: Final = (
    _Setting("cost_attributes", "GENMETER_COST_ATTRIBUTES", "", values.choice("proposal", "own", "both", "off")),
    _Setting("metrics", "GENMETER_METRICS", "metrics.names", values.choice("latest", "legacy", "both")),
    _Setting("max_series", "GENMETER_MAX_SERIES", "metrics.max_series", values.count),
    _Setting("chunk_times", "GENMETER_CHUNK_TIMES", "metrics.chunk_times", values.switch),
    _Setting("metric_labels", "GENMETER_METRIC_LABELS", "metrics.labels", values.names(*LABELS), none=True),
    _Setting("event", "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "", values.switch),
    _Setting(
        "content",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "content.capture",
        values.choice("NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"),
        foreign="NO_CONTENT",
    ),
    _Setting("export", EXPORT, "", values.destination),
    _Setting("content_limit", "GENMETER_CONTENT_LIMIT", "content.limit", values.count),
    _Setting("ask_stream_usage", "GENMETER_STREAM_USAGE", "", values.ask),
    _Setting("required", "GENMETER_REQUIRED", "attribution.required", values.names(*ATTRIBUTION_FIELDS), none=True),
    _Setting(
        "unattributed",
        "GENMETER_UNATTRIBUTED",
        "attribution.unattributed",
        values.choice("off", "tag", "warn", "reject"),
    ),
    _Setting("baggage", "GENMETER_BAGGAGE", "attribution.baggage", values.names(*ATTRIBUTION_FIELDS), none=True),
    _Setting("baggage_key", "GENMETER_BAGGAGE_KEY_FILE", "attribution.baggage_key_file", values.secret),
    _Setting("baggage_values", "GENMETER_BAGGAGE_VALUES", "attribution.baggage_values", values.proofs),
    _Setting("raw_users", "GENMETER_USER_IDS", "attribution.user_ids", values.user_ids),
    _Setting("user_keys", USER_KEY_FILE, "attribution.user_key_file", values.keys),
    _Setting("reservations", "GENMETER_RESERVATIONS", "reservations.url", values.service),
    _Setting("reservations_token_file", "GENMETER_RESERVATIONS_TOKEN_FILE", "reservations.token_file", values.text),
    _Setting("skip_scopes", "GENMETER_SKIP_SCOPES", "skip_scopes", values.texts, none=True),
)

_EVERY: Final = (*_ATTRIBUTION, *_SETTINGS)
_APART: Final = (_SELLERS, CONFIG, LEDGER, CONFIGURE_SDK, FLUSH_ON_TERM)
VARIABLES: Final = frozenset(one for one in (*(each.variable for each in _EVERY), *_APART) if one.startswith(_PREFIX))
"""Every variable of genmeter's own that the package reads."""
ELSEWHERE: Final = frozenset(
    {
        "GENMETER_PRICES",  # the collector's configuration
        "GENMETER_CACHE",  # .ci/servers
        *("GENMETER_ALL_FAULTS", "GENMETER_DIFF", "GENMETER_FUZZ", "GENMETER_NETWORK"),  # tests, as are all the others
        *("GENMETER_E2E_PAIRS", "GENMETER_E2E_PAIR_SECONDS", "GENMETER_E2E_REPETITIONS", "GENMETER_E2E_RESULTS"),
    }
)
"""Variables that other parts of the repository read: the package knows them only so as not to warn of them."""
_FREE: Final = ("prices", "sellers", "budgets", "chargeback")
"""Tables whose keys are not checked here; what stands below all but ``sellers`` is checked where it is read."""
_TOP: Final = frozenset(setting.key for setting in _SETTINGS if setting.key and "." not in setting.key)
"""Keys that stand above all tables."""
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    table: tuple(one.key.removeprefix(f"{table}.") for one in _EVERY if one.key.startswith(f"{table}."))
    for table in ("attribution", "metrics", "content", "reservations")
}
"""The keys of every other table."""
_warned: Final[set[str]] = set()


def unknown_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each variable ``GENMETER_...`` that nothing reads, and what to do about it.

    >>> list(unknown_variables({"GENMETER_LEGER": "x"}))
    [('GENMETER_LEGER', 'did you mean GENMETER_LEDGER?')]
    """
    for name in environ:
        if name.startswith(_PREFIX) and name not in VARIABLES | ELSEWHERE:
            # Without the prefix: with it, any two names look alike.
            near = nearest(name.removeprefix(_PREFIX), sorted(one.removeprefix(_PREFIX) for one in VARIABLES))
            yield name, f"did you mean {_PREFIX}{near}?" if near else "the README lists the variables"


def warn_of_unknown(environ: Mapping[str, str] | None = None) -> None:
    """Log each variable ``GENMETER_...`` that is unknown, once in a process."""
    for name, advice in unknown_variables(os.environ if environ is None else environ):
        if name not in _warned:
            _warned.add(name)
            logger.warning("genmeter: the variable %s is unknown and changes nothing; %s", name, advice)


@dataclass(frozen=True, slots=True)
class _Source:
    """The environment, and the file: its tables, its path and its text, with which an error names the line."""

    environ: Mapping[str, str]
    table: Mapping[str, Any]
    path: str
    text: str

    @classmethod
    def open(cls, environ: Mapping[str, str], path: str | os.PathLike[str] | None) -> _Source:
        file = Path(path or config_file(environ))
        if not path and not environ.get(CONFIG) and not file.is_file():
            return cls(environ, {}, str(file), "")
        try:
            text = file.read_text(encoding="utf-8-sig")
            table = tomllib.loads(text)
        except OSError as error:
            raise SettingsError(
                f"{file}: cannot be read ({error.strerror}); check {'--config' if path else CONFIG}"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}: not valid TOML: {error}") from None
        except RecursionError:
            raise SettingsError(f"{file}: not valid TOML: its lists or tables lie too deep in each other") from None
        source = cls(environ, table, str(file), text)
        source.check_names()
        return source

    def check_names(self) -> None:
        """Refuse an unknown table, and an unknown key of a table whose keys are not free."""
        for name in self.table:
            if name in _TOP:
                continue
            if name not in _FREE and name not in _KEYS:
                raise self.wrong(unknown("table", name, sorted((*_FREE, *_KEYS))), name)
            for key in self.section(name):
                if name in _KEYS and key not in _KEYS[name]:
                    raise self.wrong(unknown("key", key, _KEYS[name]), name, key)

    def wrong(self, why: str, *names: str) -> SettingsError:
        """The error about a table or key of the file."""
        return SettingsError(f"{Lines(self.path, self.text).where(*names)}: {why}")

    def section(self, name: str) -> Mapping[str, Any]:
        """A table of the file; empty where the file has none of the name."""
        table = self.table.get(name, {})
        if not isinstance(table, dict):
            raise self.wrong(f"this must be a table: write [{name}] with its keys below", name)
        return cast("dict[str, Any]", table)

    def is_set(self, name: str, none: bool = False) -> bool:
        """Whether a variable is there and, unless an empty one means ``none`` at all, not empty."""
        value = self.environ.get(name)
        # compose files write NAME=${NAME:-}, which is empty wherever the outer variable is not set
        return value is not None and (none or value.strip() != "")

    def variable(
        self, name: str, read: Callable[[object], T], foreign: T | None = None, none: bool = False
    ) -> T | None:
        """The value of a variable; None where it is not set."""
        if not self.is_set(name, none):
            return None
        value = self.environ[name]
        try:
            return read(value)
        except ValueError as error:
            if foreign is None:
                raise SettingsError(f"{name}={scrub(repr(value))}: {error}") from None
            logger.warning("genmeter: %s=%r is read as %s; %s", name, value, foreign, error)
            return foreign

    def key(self, path: str, read: Callable[[object], T]) -> T | None:
        """The value of a key of the file, ``table.name`` or a name above all tables; None where the file does not have it."""
        table, _, name = path.partition(".")
        value = self.section(table).get(name) if name else self.table.get(table)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            raise self.wrong(f"{value!r}: {error}", *filter(None, (table, name))) from None

    def read(self, setting: _Setting) -> object | None:
        """The value of a setting from its variable, else from its key; None where neither is given."""
        if self.is_set(setting.variable, setting.none) or not setting.key:
            return self.variable(setting.variable, setting.read, setting.foreign, setting.none)
        return self.key(setting.key, setting.read)

    def attribution(self) -> dict[str, str]:
        """The default payer: the fields that are given and not empty."""
        found = {setting.field: self.read(setting) for setting in _ATTRIBUTION}
        return {name: value for name, value in found.items() if isinstance(value, str) and value}

    def sellers(self) -> dict[str, str]:
        """Address in lower case → seller; the variable adds to the file and wins over it."""
        table = self.section("sellers")
        found = {host.lower(): self.seller(host, value) for host, value in table.items()}
        return found | (self.variable(_SELLERS, values.sellers) or {})

    def seller(self, host: str, value: object) -> str:
        """The seller that the file names for an address."""
        try:
            return values.seller(value)
        except ValueError as error:
            raise self.wrong(f"{value!r}: {error}", "sellers", host) from None
