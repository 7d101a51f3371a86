"""What one call costs, as an exact answer to Python code; no telemetry is set up for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple, cast

from ...errors import GenmeterError
from ...instants import instant
from ...model import Unpriced, Usage, Verdict, usd
from ...pricing import Catalogue, Question, catalogue_for
from ...settings import Settings
from ...units import OPTIONS

When = float | str | datetime
"""A time: Unix seconds, ISO 8601 (``2026-11-20T12:00:00Z``), or a datetime with a time zone."""
COUNTS = tuple(dict.fromkeys([*(field for field, _ in OPTIONS.values()), "reasoning", "text_input", "text_output"]))
"""The counts that a usage may name."""


class RecordError(GenmeterError, ValueError):
    """An argument of ``record``, ``cost`` or ``price`` that cannot be used; the message says what to pass."""


class Bill(NamedTuple):
    """The price of one call.

    ``pico`` is the amount in whole pico-USD (1e-12), and ``lines`` are (kind, pico-USD), which add up to it. ``pico`` is
    None for a call without a price: ``reason`` and ``detail`` then say why. ``status`` is ``priced``, ``partial`` (a part of
    the call has no price) or ``unpriced``. ``source`` is ``local``, or ``provider`` where the response stated the amount.
    ``catalogue`` is the version of the prices, and ``entry`` the row.
    """

    pico: int | None
    lines: tuple[tuple[str, int], ...]
    status: str
    reason: str | None = None
    detail: str = ""
    source: str = ""
    catalogue: str = ""
    entry: str = ""

    @property
    def usd(self) -> Decimal | None:
        """The exact amount in US dollars; None where there is no price.

        >>> Bill(1_500_000, (("input", 1_500_000),), "priced").usd
        Decimal('0.0000015')
        """
        return None if self.pico is None else Decimal(usd(self.pico))


def billed(verdict: Verdict | None) -> Bill:
    """The bill of a verdict; None is a call for which nothing was billed, such as one that failed."""
    if verdict is None:
        return Bill(None, (), "unpriced", "no_usage", "nothing was billed for the call")
    if isinstance(verdict, Unpriced):
        return Bill(None, (), "unpriced", verdict.reason, verdict.detail)
    total, lines, source, catalogue, entry, partial = verdict
    return Bill(total, lines, "partial" if partial else "priced", None, "", source, catalogue, entry)


def price(
    provider: str,
    model: str,
    usage: Usage | Mapping[str, int],
    *,
    at: When | None = None,
    service_tier: str | None = None,
    batch: bool = False,
    region: str | None = None,
) -> Bill:
    """What a call with this usage costs.

    ``provider`` is who bills: ``openai``, ``azure``, ``aws.bedrock``. ``usage`` holds counts by name. ``input`` and
    ``output`` are totals, which include their parts, such as ``cache_read`` and ``reasoning``. ``at`` is when the call
    began; None means now. The user's own prices in ``genmeter.toml`` count; the file is read once.

    >>> bill = price("openai", "gpt-5.4-mini", {"input": 36, "output": 87}, at="2026-11-21T12:00:00Z")
    >>> bill.usd, bill.lines
    (Decimal('0.0004185'), (('input', 27000000), ('output', 391500000)))
    >>> price("openai", "gpt-0", {"input": 1, "output": 1}).reason
    'unknown_model'

    Raises:
        RecordError: an argument that cannot be used.
        GenmeterError: the user's own prices cannot be used.
    """
    named("provider", provider)
    named("model", model)
    catalogue = prices()
    seller = catalogue.named(provider)
    if seller is None:
        return billed(Unpriced("unknown_provider", catalogue.unknown_seller(provider)))
    began = time.time() if at is None else second(at)
    # Azure's request names a deployment; here the model itself is meant.
    answered = model if seller.id == "azure" else None
    question = Question(seller.id, model, answered, counts(usage), began, service_tier, batch, region or seller.region)
    return billed(catalogue.price(question))


@cache
def prices() -> Catalogue:
    """The catalogue with the user's own prices, for a process that is not metered. Raises ``GenmeterError``."""
    return catalogue_for(Settings.load().prices)


def named(argument: str, value: object) -> None:
    """Raises ``RecordError`` for an argument that is no name."""
    if not isinstance(value, str) or not value:
        raise RecordError(f'{argument}={value!r}: pass a name, such as provider="openai" and model="gpt-5.4"')


def counts(usage: object) -> Usage:
    """A usage from counts by name. Raises ``RecordError``.

    >>> counts({"input": 12, "output": 3}).output
    3
    """
    if isinstance(usage, Usage):
        return usage
    if not isinstance(usage, Mapping):
        raise RecordError(
            f'usage is a {type(usage).__name__}: pass counts by name, such as {{"input": 12, "output": 3}}'
        )
    found = Usage()
    for name, count in cast("Mapping[Any, Any]", usage).items():
        if name not in COUNTS:
            near = get_close_matches(str(name), COUNTS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"a count is one of {', '.join(COUNTS)}"
            raise RecordError(f"usage: {name!r} is no count; {hint} A provider's own usage object goes into response=.")
        if type(count) is not int or count < 0:
            raise RecordError(f"usage: {name}={count!r}: pass a whole number, 0 or more")
        setattr(found, name, count)
    return found


def second(at: object) -> float:
    """A time as Unix seconds. Raises ``RecordError``."""
    try:
        if isinstance(at, (int, float)) and not isinstance(at, bool):
            return datetime.fromtimestamp(at, UTC).timestamp()
        if isinstance(at, datetime) and at.tzinfo is not None:
            return at.timestamp()
        if isinstance(at, str):
            return instant(at).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    raise RecordError(f"at={at!r}: pass Unix seconds, ISO 8601 (2026-11-20T12:00:00Z) or a datetime with a time zone")
