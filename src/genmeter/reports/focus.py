"""A bill in the columns of FOCUS, the FinOps Open Cost and Usage Specification.

The columns are those of version 1.2. Columns that 1.3 and 1.4 have beside them, and columns of our own (``x_``), stand
behind. A row is one day, payer, model and meter: the input, the output, the cache. Credits, taxes and shared costs are
rows of their own. The BilledCost of all rows adds up to what is due in the chargeback of the same period.
Source: focus.finops.org, specification v1.2 of May 2025 and v1.4 of June 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from genmeter.model import usd
from genmeter.reports.apportioning import shares
from genmeter.reports.billing import ADJUSTMENT, SHARED, UNPRICED, Bill, Line, Wanted
from genmeter.reports.parquet import Type
from genmeter.reports.window import window
from genmeter.units import COST_KINDS

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Metered

_TEXT: Final = [
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedUnit",
    "InvoiceId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PricingCurrency",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "CommitmentProgramEligibilityDetails",
    "ContractApplied",
    "HostProviderName",
    "InvoiceDetailId",
    "ServiceProviderName",
    "x_CostStatus",
    "x_Kind",
    "x_Payer",
    "x_Reason",
]
_TIMES: Final = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
_AMOUNTS: Final = [
    "BilledCost",
    "CommitmentDiscountQuantity",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
]
_KINDS: Final[dict[str, Type]] = {
    **dict.fromkeys(_TEXT, "text"),
    **dict.fromkeys(_TIMES, "time"),
    **dict.fromkeys(_AMOUNTS, "amount"),
    "x_Calls": "count",
}
_BEHIND: Final = "AllocatedMethodDetails"
_FIRST: Final = sorted({*_KINDS} - {*_TEXT[_TEXT.index(_BEHIND) :], "x_Calls"})
COLUMNS: Final[tuple[tuple[str, Type], ...]] = tuple(
    (name, _KINDS[name]) for name in (*_FIRST, *_TEXT[_TEXT.index(_BEHIND) :], "x_Calls")
)
"""Every column with its type: those of FOCUS 1.2 by the alphabet, those of 1.3 and 1.4, ours."""
_TOKENS: Final = "Tokens"
_UNITS: Final = {
    "search": "Searches",
    "characters": "Characters",
    "audio_seconds": "Seconds",
    "pages": "Pages",
    "images": "Images",
    "search_units": "Search Units",
    "request": "Requests",
}
_REST: Final = "all"
"""The meter of what no line of a bill tells: trimmed days, and amounts of other programs."""

Row = dict[str, Any]


def rows(ledger: Ledger, bill: Bill, wanted: Wanted) -> Iterator[list[Any]]:
    """The rows of a bill by day, each with the values of ``COLUMNS``. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> from genmeter.periods import period
    >>> november = period("month", datetime(2026, 11, 5, tzinfo=UTC), UTC)
    >>> with Ledger.open() as ledger:
    ...     list(rows(ledger, Bill([], november, november.start.date()), Wanted(november, ["model"], UTC, lambda *_: ())))
    []
    """
    meters = _meters(ledger, wanted, bill)
    for line in bill.lines:
        for row in _of_line(line, bill, wanted, meters.get((_key(line), line.billed_in), [])):
            yield [_spelled(name, row.get(name)) for name, _ in COLUMNS]


def _spelled(column: str, value: Any) -> Any:
    """The value as FOCUS wants texts, in ASCII: other letters are spelled as JSON does. Our own columns have the letters."""
    if isinstance(value, str) and not value.isascii() and not column.startswith("x_"):
        return json.dumps(value)[1:-1]
    return value


def _meters(ledger: Ledger, wanted: Wanted, bill: Bill) -> dict[Any, list[Metered]]:
    plain = next((line for line in bill.lines if line.has), None)
    if plain is None:
        return {}
    columns = list(plain.has)
    found: dict[Any, list[Metered]] = {}
    for one in ledger.store.metered(columns, window(wanted.period.start, wanted.period.end)):
        found.setdefault((one.key, one.currency), []).append(one)
    return found


def _key(line: Line) -> tuple[Any, ...]:
    return tuple(line.has.values())


def _of_line(line: Line, bill: Bill, wanted: Wanted, meters: Sequence[Metered]) -> Iterator[Row]:
    common = _common(line, bill, wanted)
    amounts = line.amounts
    if line.kind == UNPRICED:
        used = line.usage[0] + line.usage[1]
        yield {**common, **_usage(line, _REST, used, 0, 0, _TOKENS), "x_CostStatus": "unpriced", "x_Calls": line.calls}
    elif line.kind == ADJUSTMENT:
        yield {**common, **_plain(amounts["metered"], amounts["discount"]), "ChargeCategory": "Usage",
               "ChargeClass": "Correction", "ChargeDescription": f"Correction: {line.reason}",
               "x_Calls": line.calls}  # fmt: skip
    elif line.kind != SHARED:
        yield from _metered(line, common, meters, wanted)
    for name, category in (("credit", "Credit"), ("shared", "Adjustment"), ("tax", "Tax")):
        if amounts[name]:
            words = {"credit": "Credit", "shared": "Share of common costs", "tax": "Tax"}[name]
            pico = amounts[name]
            extra: Row = {} if name == "tax" else _sku(line, name)
            yield {**common, **extra, **_plain(pico, 0), "ChargeCategory": category, "ChargeDescription": words,
                   "ChargeFrequency": "Recurring" if name == "shared" else "One-Time", "x_Reason": line.reason or None,
                   "PricingCategory": None}  # fmt: skip


def _metered(line: Line, common: Row, meters: Sequence[Metered], wanted: Wanted) -> Iterator[Row]:
    """A row for each meter and price; what they leave of the amounts is the row of the rest."""
    metered, discount = line.amounts["metered"], line.amounts["discount"]
    parts = [one for one in meters if one.cost or one.quantity] if line.kind != ADJUSTMENT else []
    whole = sum(one.cost for one in parts)
    converted = wanted.currency is not None and any(one.currency != wanted.currency for one in parts)
    costs = shares(metered, [one.cost for one in parts]) if converted and whole else [one.cost for one in parts]
    rest = metered - sum(costs)
    weights = [*costs, max(rest, 0)]
    off = [-part for part in shares(-discount, weights)] if discount and any(weights) else [0] * len(weights)
    off[-1] += discount - sum(off)
    for number, (one, cost, less) in enumerate(zip(parts, costs, off, strict=False)):
        unit = _UNITS.get(one.line, _TOKENS)
        row = _usage(line, one.line, one.quantity if one.quantity is not None else 1, cost, less, unit)
        yield {**common, **row, "x_Calls": line.calls if number == 0 else None}
    if rest or off[-1] or not parts:
        used = 1 if parts else max(line.usage[0] + line.usage[1], 1)
        row = _usage(line, _REST, used, rest, off[-1], _TOKENS)
        yield {**common, **row, "x_Calls": None if parts else line.calls}


def _usage(line: Line, meter: str, quantity: int, cost: int, discount: int, unit: str) -> Row:
    contracted = cost + discount
    many = f"{quantity}.0"
    return {
        **_plain(cost, discount),
        **_sku(line, meter),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{line.has.get('model') or 'unknown model'}, {meter.replace('_', ' ')}",
        "ChargeFrequency": "Usage-Based",
        "PricingCategory": "Standard",
        "ConsumedQuantity": many,
        "ConsumedUnit": unit,
        "PricingQuantity": many,
        "PricingUnit": unit,
        "ListUnitPrice": _each(cost, quantity),
        "ContractedUnitPrice": _each(contracted, quantity),
        "PricingCurrencyListUnitPrice": _each(cost, quantity),
        "PricingCurrencyContractedUnitPrice": _each(contracted, quantity),
    }


def _each(pico: int, quantity: int) -> str:
    """The price of one unit; the twelfth decimal is rounded where the amount is no whole number of units."""
    return usd(0) if not quantity else usd(int((Decimal(pico) / quantity).to_integral_value()))


def _plain(cost: int, discount: int) -> Row:
    net = usd(cost + discount)
    return {"BilledCost": net, "EffectiveCost": net, "ContractedCost": net, "ListCost": usd(cost),
            "PricingCurrencyEffectiveCost": net}  # fmt: skip


def _sku(line: Line, meter: str) -> Row:
    provider, model = line.has.get("provider") or "unknown", line.has.get("model") or "unknown"
    words = meter.replace("_", " ").capitalize()
    return {
        "SkuId": f"{provider}/{model}/{meter}",
        "SkuPriceId": f"{provider}/{model}/{meter}/standard",
        "SkuMeter": words if meter in COST_KINDS else "Usage" if meter == _REST else words,
    }


def _common(line: Line, bill: Bill, wanted: Wanted) -> Row:
    """What all rows of a line share: periods, accounts, the seller, the payer."""
    start = datetime.combine(line.day, time(), wanted.zone)
    end = datetime.combine(line.day + timedelta(days=1), time(), wanted.zone)
    provider = line.has.get("provider") or "unknown"
    payer = dict(zip(wanted.by, line.key, strict=True)) if line.key else {}
    department = payer.get("department") or (line.key[0] if line.key else None)
    tags: Mapping[str, str] = {name: value for name, value in payer.items() if value is not None}
    return {
        "BillingAccountId": "genmeter",
        "BillingAccountName": "genmeter",
        "BillingAccountType": "Ledger",
        "BillingCurrency": line.currency or wanted.currency or "USD",
        "PricingCurrency": line.currency or wanted.currency or "USD",
        "BillingPeriodStart": _utc(bill.period.start),
        "BillingPeriodEnd": _utc(bill.period.end),
        # where the clocks change a day has 23 or 25 hours
        "ChargePeriodStart": _utc(start),
        "ChargePeriodEnd": _utc(end),
        "ProviderName": provider,
        "PublisherName": provider,
        "InvoiceIssuerName": provider,
        "ServiceProviderName": provider,
        "HostProviderName": provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ServiceName": line.has.get("model") or provider,
        "ResourceId": line.has.get("model"),
        "ResourceName": line.has.get("model"),
        "ResourceType": "Model" if line.has.get("model") else None,
        "SubAccountId": department,
        "SubAccountName": department,
        "SubAccountType": wanted.by[0].capitalize() if department else None,
        "Tags": json.dumps(tags, sort_keys=True),
        "x_CostStatus": line.has.get("cost_status"),
        "x_Kind": line.kind,
        "x_Payer": json.dumps(tags, ensure_ascii=False, sort_keys=True),
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
