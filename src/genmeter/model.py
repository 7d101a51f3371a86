"""The plain data that flows through genmeter: what was asked, what came back, what it used, what it cost.

No imports of OpenTelemetry or of any SDK: these shapes are shared by the code inside the customer's app, the price
engine, the ledger and the command line.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

AttributeValue = str | bool | int | float | Sequence[str]

PICO = 10**12
"""Pico-USD in one US dollar: money is an integer count of these everywhere inside."""

SCOPES = ("provider", "model", "department", "application", "environment")
"""What spend is told apart by: in the ledger's amounts, and in the scope of a budget."""


def usd(pico: int) -> str:
    """Pico-USD as an exact decimal string without exponent: two decimals at least, twelve at most.

    ``0.00`` stands for a true zero only, because nothing is rounded.
    """
    whole, fraction = divmod(abs(pico), PICO)
    decimals = f"{fraction:012d}".rstrip("0").ljust(2, "0")
    return f"{'-' if pico < 0 else ''}{whole}.{decimals}"


@dataclass(slots=True)
class Usage:
    """What one call used, in tokens. Totals include their parts; None is unknown, never zero.

    ``input`` contains every input token: cache reads, cache writes, audio, image. ``output`` contains reasoning, audio
    and image tokens. ``cache_write`` contains both lifetimes, ``cache_write_1h`` is its one-hour part.
    ``audio_cache_read`` and ``image_cache_read`` lie in ``cache_read`` and in their modality. Parts are 0 when the
    provider did not report them. ``searches`` counts billed web searches.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    text_input: int = 0
    text_output: int = 0
    audio_input: int = 0
    audio_output: int = 0
    audio_cache_read: int = 0
    image_input: int = 0
    image_output: int = 0
    image_cache_read: int = 0
    searches: int = 0


class Seller(NamedTuple):
    """Who bills for a call.

    ``id`` is the seller's id in the price catalogue, None when nobody knows it; ``name`` is the value of
    ``gen_ai.provider.name``; ``region`` a price region known from the address ("us", "eu", ...), else None.
    """

    id: str | None
    name: str
    region: str | None = None


class Cost(NamedTuple):
    """A priced call. ``total`` and ``lines`` are pico-USD and the lines add up to the total.

    ``lines`` holds (kind, pico-USD) with kinds from ``names.COST_KINDS``. ``source`` is ``local`` (our catalogue or the
    user's prices) or ``provider`` (the response carried the charge). ``catalogue`` is the version that priced it and
    ``entry`` the row, so that the sum can be done again. ``partial`` marks a cut stream: what was seen is priced.
    """

    total: int
    lines: tuple[tuple[str, int], ...]
    source: str
    catalogue: str
    entry: str
    partial: bool = False


class Unpriced(NamedTuple):
    """Why a call has no price: a reason from the closed list ``names.UNPRICED_REASONS`` and words for a person."""

    reason: str
    detail: str = ""


@dataclass(slots=True)
class Request:
    """What the app asked for. ``attributes`` are span attributes already under their conventional names."""

    model: str | None = None
    stream: bool = False
    service_tier: str | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])


@dataclass(slots=True)
class Response:
    """What came back, as far as it came. ``reported_cost`` is a charge in pico-USD that the provider itself stated.

    ``unpriced_tools``: the provider's own tools worked for this answer and are billed in units that nobody counts here.
    """

    id: str | None = None
    model: str | None = None
    finish_reasons: Sequence[str] = ()
    service_tier: str | None = None
    region: str | None = None
    batch: bool = False
    reported_cost: int | None = None
    unpriced_tools: bool = False
    attributes: dict[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])


@dataclass(slots=True)
class Content:
    """Messages in the conventions' JSON shapes; filled only while content capture is on."""

    system: list[dict[str, Any]] | None = None
    input: list[dict[str, Any]] | None = None
    output: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None


class Attribution(NamedTuple):
    """Who pays. ``user`` is a keyed hash unless the settings say otherwise; None is unknown."""

    user: str | None = None
    department: str | None = None
    application: str | None = None
    session: str | None = None


@dataclass(slots=True)
class Invocation:
    """One logical call to a model, from the moment it is made until its last byte: the record that the stages read.

    ``started`` is Unix time in seconds, ``duration`` and ``first_chunk`` are seconds since then. ``cut`` names how a
    stream stopped before its end (``closed``, ``abandoned``, ``cancelled``), else None. ``gaps`` holds the seconds before
    each chunk after the first. ``error`` is the low-cardinality
    ``error.type`` of a failed call.
    """

    operation: str
    seller: Seller
    request: Request
    address: str | None = None
    port: int | None = None
    started: float = 0.0
    duration: float = 0.0
    first_chunk: float | None = None
    gaps: array[float] | None = None
    response: Response = field(default_factory=Response)
    usage: Usage | None = None
    cost: Cost | Unpriced | None = None
    attribution: Attribution = Attribution()
    content: Content | None = None
    error: str | None = None
    exception: BaseException | None = None
    cut: str | None = None
