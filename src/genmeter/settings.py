"""The user's own settings: one ``genmeter.toml`` and documented environment variables, read once into a frozen value.

A variable wins over the file. Whatever is wrong is refused with one line that says where and what to write instead.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

T = TypeVar("T")
logger = logging.getLogger("genmeter")

CostAttributes = Literal["proposal", "own", "both", "off"]
MetricNames = Literal["latest", "legacy", "both"]
ContentMode = Literal["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"]
Unattributed = Literal["off", "tag", "warn", "reject"]

ATTRIBUTION_FIELDS = ("user", "department", "application", "session")
METRIC_LABELS = ("department", "application", "environment")
SWITCH = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}
TABLES = {"prices", "sellers", "attribution", "metrics", "content", "budgets"}


class SettingsError(ValueError):
    """A setting that cannot be used; the message says where it stands and what to write."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The user's own ``[prices]``, unread, with the file's path and text so that a bad row can be shown by its line."""

    rows: Mapping[str, Any]
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class BudgetTable:
    """The user's own ``[budgets]``, unread, with the file's path and text; ``genmeter.budgets`` reads it."""

    rows: Mapping[str, Any]
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a user can decide, with its default. See the README's table of settings."""

    configure_sdk: bool = True
    cost_attributes: CostAttributes = "both"
    metrics: MetricNames = "latest"
    max_series: int = 2000
    chunk_times: bool = False
    event: bool = True
    content: ContentMode = "NO_CONTENT"
    content_limit: int = 8192
    ask_stream_usage: bool = True
    attribution: Mapping[str, str] = field(default_factory=dict[str, str])
    required: tuple[str, ...] = ("user", "department", "application")
    unattributed: Unattributed = "off"
    baggage: tuple[str, ...] = ATTRIBUTION_FIELDS
    metric_labels: tuple[str, ...] = METRIC_LABELS
    raw_users: bool = False
    user_key: bytes | None = field(default=None, repr=False)
    sellers: Mapping[str, str] = field(default_factory=dict[str, str])
    prices: PriceTable | None = None
    budgets: BudgetTable | None = None

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, path: str | os.PathLike[str] | None = None) -> Settings:
        """Read ``genmeter.toml`` (``path``, else ``GENMETER_CONFIG``, else the working folder's) and the environment.

        Raises:
            SettingsError: a file that cannot be read, or a value that cannot be used.
        """
        environ = os.environ if environ is None else environ
        source, usual = _Source.open(environ, path), cls()
        return cls(
            configure_sdk=source.read("GENMETER_CONFIGURE_SDK", None, _switch, usual.configure_sdk),
            cost_attributes=source.read(
                "GENMETER_COST_ATTRIBUTES", None, _choice("proposal", "own", "both", "off"), usual.cost_attributes
            ),
            metrics=source.read(
                "GENMETER_METRICS", "metrics.names", _choice("latest", "legacy", "both"), usual.metrics
            ),
            max_series=source.read("GENMETER_MAX_SERIES", "metrics.max_series", _count, usual.max_series),
            chunk_times=source.read("GENMETER_CHUNK_TIMES", "metrics.chunk_times", _switch, usual.chunk_times),
            event=source.read("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", None, _switch, usual.event),
            content=source.read(
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "content.capture", _content, usual.content
            ),
            content_limit=source.read("GENMETER_CONTENT_LIMIT", "content.limit", _count, usual.content_limit),
            ask_stream_usage=source.read("GENMETER_STREAM_USAGE", None, _ask, usual.ask_stream_usage),
            attribution=source.attribution(),
            required=source.read(
                "GENMETER_REQUIRED",
                "attribution.required",
                _names(ATTRIBUTION_FIELDS),
                usual.required,
            ),
            unattributed=source.read(
                "GENMETER_UNATTRIBUTED",
                "attribution.unattributed",
                _choice("off", "tag", "warn", "reject"),
                usual.unattributed,
            ),
            baggage=source.read("GENMETER_BAGGAGE", "attribution.baggage", _names(ATTRIBUTION_FIELDS), usual.baggage),
            metric_labels=source.read(
                "GENMETER_METRIC_LABELS", "metrics.labels", _names(METRIC_LABELS), usual.metric_labels
            ),
            raw_users=source.read("GENMETER_USER_IDS", "attribution.user_ids", _user_ids, usual.raw_users),
            user_key=source.user_key(),
            sellers=source.sellers(),
            prices=source.prices(),
            budgets=source.budgets(),
        )


def config_file(environ: Mapping[str, str]) -> Path:
    """Where the user's file is, if there is one: what ``GENMETER_CONFIG`` names, else the working folder's."""
    return Path(environ.get("GENMETER_CONFIG") or "genmeter.toml")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where settings come from: the environment, and the file with its path for messages."""

    environ: Mapping[str, str]
    table: Mapping[str, Any]
    path: str
    text: str

    @classmethod
    def open(cls, environ: Mapping[str, str], path: str | os.PathLike[str] | None) -> _Source:
        file = Path(path or config_file(environ))
        if not path and not environ.get("GENMETER_CONFIG") and not file.is_file():
            return cls(environ, {}, str(file), "")
        try:
            text = file.read_text(encoding="utf-8")
            table = tomllib.loads(text)
        except OSError as error:
            raise SettingsError(f"{file}: cannot be read ({error.strerror}); check GENMETER_CONFIG") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}: not valid TOML: {error}") from None
        unknown = sorted(set(table) - TABLES)
        if unknown:
            raise SettingsError(f"{file}: unknown table [{unknown[0]}]; there are {', '.join(sorted(TABLES))}")
        return cls(environ, table, str(file), text)

    def read(self, variable: str, key: str | None, convert: Callable[[object], T], default: T) -> T:
        """The variable, else the file's key, else the default; ``convert`` says what is wrong by ValueError."""
        where, value = variable, cast(object, self.environ.get(variable))
        if value is None and key is not None:
            table, _, name = key.partition(".")
            where, value = f"{self.path}: {key}", self.section(table).get(name)
        if value is None:
            return default
        try:
            return convert(value)
        except ValueError as error:
            raise SettingsError(f"{where}={value!r}: {error}") from None

    def section(self, name: str) -> Mapping[str, Any]:
        table = self.table.get(name, {})
        if not isinstance(table, dict):
            raise SettingsError(f"{self.path}: {name}: must be a table, [{name}]")
        return cast("dict[str, Any]", table)

    def attribution(self) -> dict[str, str]:
        known = {*ATTRIBUTION_FIELDS, "required", "unattributed", "baggage", "user_ids", "user_key_file"}
        for key in self.section("attribution"):
            if key not in known:
                raise SettingsError(
                    f"{self.path}: attribution.{key}: unknown key; there are {', '.join(sorted(known))}"
                )
        found = {
            name: self.read(f"GENMETER_{name.upper()}", f"attribution.{name}", _text, "") for name in ATTRIBUTION_FIELDS
        }
        return {name: value for name, value in found.items() if value}

    def user_key(self) -> bytes | None:
        file = self.read("GENMETER_USER_KEY_FILE", "attribution.user_key_file", _text, "")
        if not file:
            return None
        try:
            key = Path(file).read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"GENMETER_USER_KEY_FILE: {file}: cannot be read ({error.strerror})") from None
        if len(key) < 16:
            raise SettingsError(f"GENMETER_USER_KEY_FILE: {file}: a key needs at least 16 bytes, this has {len(key)}")
        return key

    def sellers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for host, seller in self.section("sellers").items():
            if not isinstance(seller, str) or not seller:
                raise SettingsError(f'{self.path}: sellers."{host}": write the seller as a string, e.g. "openai"')
            found[host.lower()] = seller
        for pair in filter(None, (p.strip() for p in self.environ.get("GENMETER_SELLERS", "").split(","))):
            host, separator, seller = pair.rpartition("=")
            if not separator or not host or not seller:
                raise SettingsError(f"GENMETER_SELLERS: {pair!r}: write host=seller, e.g. llm.example.com=openai")
            found[host.strip().lower()] = seller.strip()
        return found

    def prices(self) -> PriceTable | None:
        rows = self.section("prices")
        return PriceTable(rows, self.path, self.text) if rows else None

    def budgets(self) -> BudgetTable | None:
        rows = self.section("budgets")
        return BudgetTable(rows, self.path, self.text) if rows else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("write it as a string")
    return value.strip()


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return SWITCH[str(value).strip().lower()]
    except KeyError:
        raise ValueError("write on or off") from None


def _ask(value: object) -> bool:
    return _choice("ask", "off")(value) == "ask"


def _user_ids(value: object) -> bool:
    return _choice("hashed", "raw")(value) == "raw"


def _count(value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or int(text) == 0:
        raise ValueError("write a whole number above zero")
    return int(text)


def _choice(*choices: str) -> Callable[[object], Any]:
    def convert(value: object) -> str:
        text = str(value).strip().lower()
        if text not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return text

    return convert


def _content(value: object) -> ContentMode:
    text = str(value).strip().upper()
    if text in ("NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"):
        return text
    # Other tools read the same variable with other words ("true"): not a reason to refuse to start.
    logger.warning(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=%s is not one of NO_CONTENT, SPAN_ONLY, EVENT_ONLY, "
        "SPAN_AND_EVENT: no message content is captured",
        value,
    )
    return "NO_CONTENT"


def _names(known: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    def convert(value: object) -> tuple[str, ...]:
        parts = cast("list[object]", value) if isinstance(value, list) else str(value).split(",")
        chosen = tuple(filter(None, (str(part).strip().lower() for part in parts)))
        for name in chosen:
            if name not in known:
                raise ValueError(f"{name!r} is not one of {', '.join(known)}")
        return chosen

    return convert
