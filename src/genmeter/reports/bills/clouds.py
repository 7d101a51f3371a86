"""The exports of clouds: AWS CUR 2.0, Azure cost details, Google Cloud billing, and FOCUS of any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from genmeter.reports.bills.entry import OTHER, Cells, Entry, Format, count_of, day_of, first, pico_of, word
from genmeter.reports.bills.names import meter_of, tier_of

_BEDROCK: Final = ("aws.bedrock",)
_AZURE: Final = ("azure.ai.openai", "azure.ai.inference")
_GOOGLE: Final = ("gcp.vertex_ai", "gcp.gemini")
_REGION: Final = re.compile(r"^[A-Z]{2,5}[0-9]?[-_]")
_TAIL: Final = re.compile(r"[-_ ]+(cache[-_ ]?(read|write)[-_ ]?)?(input|output|inp|outp|opt)\b.*$", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\b1?,?(k|000|1000)\b|thousand|1k", re.IGNORECASE)
_MILLIONS: Final = re.compile(r"\b1?m\b|million|1,?000,?000", re.IGNORECASE)
_EDITION: Final = "(Amazon Bedrock Edition)"
_AZURE_KINDS: Final = re.compile(r"openai|cognitive services|foundry|azure ai|machine learning", re.IGNORECASE)
_GOOGLE_KINDS: Final = re.compile(r"vertex|generative language|gemini", re.IGNORECASE)
_NOT_USAGE: Final = {
    "tax": "tax",
    "credit": "credit",
    "refund": "credit",
    "adjustment": "credit",
    "purchase": "service",
}
_OF_NAMES: Final = (
    (re.compile(r"aws|amazon|bedrock", re.IGNORECASE), _BEDROCK),
    (re.compile(r"microsoft|azure", re.IGNORECASE), _AZURE),
    (re.compile(r"google|gcp", re.IGNORECASE), _GOOGLE),
)


def unit_of(text: str) -> int:
    """How many tokens one unit of a quantity is.

    >>> [unit_of(text) for text in ("1K tokens", "1M", "Tokens", "1000000 Tokens", "Units")]
    [1000, 1000000, 1, 1000000, 1]
    """
    return 1_000_000 if _MILLIONS.search(text) else 1_000 if _THOUSANDS.search(text) else 1


def _aws(cells: Cells) -> Iterator[Entry]:
    """A line of the cost and usage report. The usage type is region, model and what is metered."""
    used, product = (
        word(cells, "line_item_usage_type"),
        word(cells, "product_product_name", "line_item_line_item_description"),
    )
    kind = _not_usage(word(cells, "line_item_line_item_type"))
    pico = pico_of(first(cells, "line_item_unblended_cost"))
    currency = word(cells, "line_item_currency_code").upper() or "USD"
    day = day_of(cells["line_item_usage_start_date"])
    bedrock = "bedrock" in word(cells, "line_item_product_code").lower() or _EDITION in product
    if not bedrock or kind != "usage":
        yield Entry(day, _BEDROCK, None, OTHER, None, pico, currency, kind=kind if bedrock else "service")
        return
    bare = _REGION.sub("", used)
    model = product.replace(_EDITION, "").strip() if _EDITION in product else _TAIL.sub("", bare)
    tokens = None
    if "token" in f"{used} {word(cells, 'pricing_unit')}".lower() or _EDITION in product:
        tokens = count_of(first(cells, "line_item_usage_amount"), unit_of(word(cells, "pricing_unit")))
    yield Entry(day, _BEDROCK, model, meter_of(bare), tokens, pico, currency, tier_of(used))


def _azure(cells: Cells) -> Iterator[Entry]:
    """A line of the cost details. The meter's name is model, what is metered, and scope."""
    get = {name.lower(): value for name, value in cells.items()}
    day = day_of(first(get, "date", "usagedatetime"))
    pico = pico_of(first(get, "costinbillingcurrency", "pretaxcost", "cost"))
    currency = word(get, "billingcurrency", "billingcurrencycode", "currency").upper() or "USD"
    category, meter = f"{word(get, 'metercategory')} {word(get, 'metersubcategory')}", word(get, "metername")
    kind = _not_usage(word(get, "chargetype"))
    if not _AZURE_KINDS.search(category) or kind != "usage":
        yield Entry(day, _AZURE, None, OTHER, None, pico, currency, kind="service" if kind == "usage" else kind)
        return
    counted = "token" in f"{meter} {word(get, 'unitofmeasure')}".lower()
    tokens = count_of(first(get, "quantity"), unit_of(word(get, "unitofmeasure"))) if counted else None
    yield Entry(day, _AZURE, _TAIL.sub("", meter), meter_of(meter), tokens, pico, currency, tier_of(meter))


def _google(cells: Cells) -> Iterator[Entry]:
    """A line of the billing export. Credits stand in the line, with amounts below zero."""
    service, sku = _inner(cells, "service", "description"), _inner(cells, "sku", "description")
    day, currency = day_of(cells["usage_start_time"]), word(cells, "currency").upper() or "USD"
    pico = pico_of(cells["cost"])
    credits_of: Any = cells.get("credits")
    listed = cast("list[dict[str, Any]]", credits_of) if isinstance(credits_of, list) else []
    credited = sum(pico_of(one.get("amount")) or 0 for one in listed)
    if credited:
        yield Entry(day, _GOOGLE, None, OTHER, None, credited, currency, kind="credit")
    kind = _not_usage(word(cells, "cost_type"))
    if not _GOOGLE_KINDS.search(service) or kind != "usage":
        yield Entry(day, _GOOGLE, None, OTHER, None, pico, currency, kind="service" if kind == "usage" else kind)
        return
    unit = _inner(cells, "usage", "unit")
    counted = "token" in f"{sku} {unit}".lower() or unit == "count"
    tokens = count_of(_inner(cells, "usage", "amount")) if counted else None
    yield Entry(day, _GOOGLE, sku.partition(" - ")[0], meter_of(sku), tokens, pico, currency, tier_of(sku))


def _focus(cells: Cells) -> Iterator[Entry]:
    """A row of FOCUS 1.0 to 1.4. The model is in the resource, the SKU or the description."""
    category = word(cells, "ChargeCategory").lower()
    provider = word(cells, "ServiceProviderName", "ProviderName", "InvoiceIssuerName")
    providers = next((names for words, names in _OF_NAMES if words.search(provider)), (provider.lower(),))
    day, currency = day_of(cells["ChargePeriodStart"]), word(cells, "BillingCurrency").upper() or "USD"
    pico = pico_of(cells["BilledCost"])
    kind = "usage" if category == "usage" else _not_usage(category) if category else "usage"
    if word(cells, "ServiceCategory") != "AI and Machine Learning" or kind != "usage":
        yield Entry(day, providers, None, OTHER, None, pico, currency, kind="service" if kind == "usage" else kind)
        return
    said = " ".join(word(cells, name) for name in ("SkuMeter", "ChargeDescription", "SkuId"))
    unit = word(cells, "ConsumedUnit")
    tokens = count_of(cells.get("ConsumedQuantity"), unit_of(unit)) if "token" in unit.lower() else None
    model = word(cells, "x_Model", "ResourceName", "ResourceId", "ServiceName") or None
    yield Entry(day, providers, model, meter_of(word(cells, "SkuMeter") or said), tokens, pico, currency, tier_of(said))


def _not_usage(text: str) -> str:
    said = text.lower()
    return next((kind for word_of, kind in _NOT_USAGE.items() if word_of in said), "usage")


def _inner(cells: Cells, name: str, below: str) -> str:
    """A value of a nested column, as JSON has it, or of the flat columns that a CSV of it has."""
    nested = cells.get(name)
    if isinstance(nested, dict):
        return word(cast("dict[str, Any]", nested), below)
    return word(cells, f"{name}.{below}", f"{name}_{below}")


FORMATS: Final = (
    Format(
        *("aws-cur", "AWS CUR 2.0", frozenset(("line_item_usage_type", "line_item_unblended_cost")), _aws),
        "docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html, 2026-11-30",
    ),
    Format(
        *("azure", "Azure cost details", frozenset(("metercategory", "metername", "quantity")), _azure),
        "learn.microsoft.com/azure/cost-management-billing/automate/understand-usage-details-fields, 2026-11-30",
    ),
    Format(
        *("google", "Google Cloud billing export", frozenset(("cost", "currency", "usage_start_time")), _google),
        "cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage, 2026-11-30",
    ),
    Format(
        *("focus", "FOCUS", frozenset(("BilledCost", "ChargePeriodStart", "ServiceCategory")), _focus),
        "focus.finops.org/focus-specification/v1-2, 2026-11-30",
    ),
)
