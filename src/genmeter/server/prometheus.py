"""Prometheus' text format 0.0.4, and OpenTelemetry's names under its rules."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from genmeter.ledger.decode import Value

Labels = tuple[tuple[str, str], ...]
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

LONGEST_NAME: Final = 200
LONGEST_VALUE: Final = 300
"""Characters of a name or a label's value and of a help text; the rest is cut off."""
_LONGEST_UNIT: Final = 63
_RESERVED: Final = frozenset({"le", "quantile"})
_UNITS: Final = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "%": "percent",
    "Hz": "hertz",
    "Cel": "celsius",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
}
_PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}


def metric_name(name: str, unit: str, kind: str) -> str:
    """The Prometheus name of an OpenTelemetry metric: underscores, the unit's word, ``_total`` on counters."""
    words = [word for word in re.split(r"[^a-zA-Z0-9:]+", name[:LONGEST_NAME]) if word]
    # a word that is there already moves to the end instead of standing twice
    for suffix in (*_unit_words(unit, kind), *(("total",) if kind == "counter" else ())):
        if suffix == "total":
            words = [word for word in words if word != "total"]
        if suffix not in words:
            words.append(suffix)
    text = "_".join(words) or "_"
    return f"_{text}" if text[0].isdigit() else text


def label_name(name: str) -> str:
    """A label name without the characters Prometheus does not allow.

    A name that means something to Prometheus begins with ``exported_`` here, as Prometheus itself renames a label that
    a target may not set: with an ``le`` or ``__name__`` from outside, no metric of this target could be scraped.
    """
    text = re.sub(r"[^a-zA-Z0-9_]", "_", name[:LONGEST_NAME]) or "_"
    if text.startswith("__") or text in _RESERVED:
        return f"exported_{text.strip('_') or 'label'}"
    if text[0].isdigit():
        return f"key_{text}"
    return f"key{text}" if text.startswith("_") else text


def label_value(value: Value) -> str:
    """An attribute as label text, clipped."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    return json.dumps(value)[:LONGEST_VALUE]


def family(name: str, kind: str, help_text: str, samples: Iterable[tuple[str, Labels, str]]) -> Iterable[str]:
    """The lines of one family; samples are (name suffix, labels, value text)."""
    yield f"# HELP {name} {_escape(help_text[:LONGEST_VALUE])}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in samples:
        inside = ",".join(f'{key}="{_escape(text, quote=True)}"' for key, text in labels)
        yield f"{name}{suffix}{{{inside}}} {value}" if inside else f"{name}{suffix} {value}"


def number(value: float) -> str:
    """A value as the format wants it."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def bound(value: float) -> str:
    """A bucket's upper bound as Go writes it (10, 0.32, 1.048576e+06): Prometheus 2 compares ``le`` as text."""
    if math.isinf(value):
        return number(value)
    exact = Decimal(repr(value)).normalize()
    power = exact.adjusted()
    if value == 0 or -5 < power < 6:
        return format(exact, "f")
    digits = "".join(map(str, exact.as_tuple().digits))
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{'-' if value < 0 else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _unit_words(unit: str, kind: str) -> list[str]:
    # {token} annotates and is no unit
    plain = re.sub(r"\{[^}]*\}", "", unit[:_LONGEST_UNIT]).strip()
    if plain == "1":
        return ["ratio"] if kind == "gauge" else []
    top, _, below = plain.partition("/")
    words = [word for word in re.split(r"[^a-zA-Z0-9]+", _UNITS.get(top, top)) if word]
    if below:
        words += ["per", *(word for word in re.split(r"[^a-zA-Z0-9]+", _PER.get(below, below)) if word)]
    return words


def _escape(text: str, quote: bool = False) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quote else escaped
