"""The row that is booked: one call to a model, with its usage, its cost and its payer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from genmeter import names

USAGE_FIELDS: Final = tuple(names.USAGE_TOKENS)
LINE_KINDS: Final = names.COST_KINDS

SPAN, EVENT = 1, 2
"""The two signals that report a call, as bits of ``Call.signals``."""

PRICED, PARTIAL, UNPRICED, _ = names.COST_STATUSES


@dataclass(slots=True, kw_only=True)
class Call:
    """One call under its key (``trace_id``, ``span_id``). None is unknown, never zero.

    ``usage`` runs along ``USAGE_FIELDS``, ``lines`` along ``LINE_KINDS`` (pico units of ``currency``). ``started_ns``
    is Unix time, durations are nanoseconds. ``signals`` says which of ``SPAN`` and ``EVENT`` have reported it. ``scope``
    is the instrumentation that wrote the record, None for genmeter's own; ``host`` is the server where it is no known
    seller's own (``name`` or ``name:port``). ``agent`` is the nearest around the call, ``workflow`` the outermost, and
    ``agent_path`` has the agents around it from the outermost on, with ``/`` between them.
    ``cost_status`` is ``priced``, ``partial``, ``unpriced``, or None where no money is due. With ``elsewhere`` the record is
    no bill: it is set aside, and ``cost_detail`` says who bills.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    span_name: str | None = None
    signals: int = SPAN
    run: str = ""
    scope: str | None = None
    host: str | None = None
    started_ns: int
    duration_ns: int | None = None
    first_chunk_ns: int | None = None
    service: str | None = None
    environment: str | None = None
    operation: str
    provider: str
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    region: str | None = None
    user_hash: str | None = None
    department: str | None = None
    application: str | None = None
    session: str | None = None
    agent: str | None = None
    workflow: str | None = None
    agent_path: str | None = None
    conversation: str | None = None
    finish_reasons: str | None = None
    error_type: str | None = None
    cut: str | None = None
    cost_status: str | None = None
    cost_reason: str | None = None
    cost_detail: str | None = None
    cost_source: str | None = None
    cost_catalogue: str | None = None
    cost_entry: str | None = None
    currency: str | None = None
    cost_pico: int | None = None
    usage: tuple[int | None, ...] = (None,) * len(USAGE_FIELDS)
    lines: tuple[int | None, ...] = (None,) * len(LINE_KINDS)

    @property
    def model(self) -> str | None:
        """The model of the response, else the model of the request."""
        return self.response_model or self.request_model


SCALARS: Final = tuple(name for name in Call.__slots__ if name not in ("usage", "lines"))
USAGE_COLUMNS: Final = tuple(f"usage_{name}" for name in USAGE_FIELDS)
LINE_COLUMNS: Final = tuple(f"line_{kind}" for kind in LINE_KINDS)
COLUMNS: Final = SCALARS + USAGE_COLUMNS + LINE_COLUMNS
"""Columns of a stored call, in the order of ``to_row`` and ``from_row``."""

FILLABLE: Final = (
    "parent_span_id",
    "span_name",
    "duration_ns",
    "first_chunk_ns",
    "service",
    "environment",
    "finish_reasons",
    "error_type",
)
"""What the second signal of a call may add to the first; money and who pays it are not among them."""

_scalars = attrgetter(*SCALARS)


def to_row(call: Call) -> tuple[str | int | None, ...]:
    """The values of ``COLUMNS``."""
    return _scalars(call) + call.usage + call.lines


def to_record(call: Call) -> dict[str, str | int]:
    """What is known of the call by the names of ``COLUMNS``: it is read by a genmeter that has other columns, too."""
    return {name: value for name, value in zip(COLUMNS, to_row(call), strict=True) if value is not None}


def from_record(record: Mapping[str, str | int]) -> Call:
    """The call of ``to_record``."""
    return from_row(tuple(record.get(name) for name in COLUMNS))


def from_row(row: tuple[str | int | None, ...]) -> Call:
    """The call whose ``COLUMNS`` are in ``row``."""
    first, second = len(SCALARS), len(SCALARS) + len(USAGE_FIELDS)
    fields: dict[str, object] = dict(zip(SCALARS, row[:first], strict=True))
    return Call(**fields, usage=row[first:second], lines=row[second:])  # type: ignore[arg-type]
