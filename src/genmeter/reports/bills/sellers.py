"""The exports of OpenAI, Anthropic and OpenRouter: their CSV files, and the answers of their administration APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from genmeter.reports.bills.entry import (
    CACHE_READ,
    CACHE_WRITE,
    INPUT,
    OTHER,
    OUTPUT,
    Cells,
    Entry,
    Format,
    count_of,
    day_of,
    first,
    pico_of,
    word,
)
from genmeter.reports.bills.names import meter_of, tier_of

_OPENAI, _ANTHROPIC, _OPENROUTER = ("openai",), ("anthropic",), ("openrouter",)
_START: Final = ("start_time_iso", "start_time", "starting_at")
_TOKEN_TYPES: Final = {
    "uncached_input_tokens": INPUT,
    "input_no_cache": INPUT,
    "output_tokens": OUTPUT,
    "output": OUTPUT,
    "cache_read_input_tokens": CACHE_READ,
    "input_cache_read": CACHE_READ,
    "cache_creation.ephemeral_1h_input_tokens": CACHE_WRITE,
    "cache_creation.ephemeral_5m_input_tokens": CACHE_WRITE,
    "input_cache_write_1h": CACHE_WRITE,
    "input_cache_write_5m": CACHE_WRITE,
}
_WRITES: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
CENTS: Final = 100


def _openai_costs(cells: Cells) -> Iterator[Entry]:
    """A cost of one day. The line item is a model and what is metered, as in ``gpt-4o-2024-08-06, input``."""
    amount: Any = cells.get("amount") if isinstance(cells.get("amount"), dict) else cells
    pico = pico_of(first(amount, "value", "amount_value"))
    if pico is None:
        return  # a day without costs is a row without an amount
    item = word(cells, "line_item")
    model, _, said = item.rpartition(", ") if ", " in item else (item, "", "")
    currency = word(amount, "currency", "amount_currency").upper() or "USD"
    yield Entry(
        *(
            day_of(first(cells, *_START)),
            _OPENAI,
            model or None,
            meter_of(said) if said else OTHER,
            None,
            pico,
            currency,
        ),
        tier=tier_of(item),
    )


def _openai_usage(cells: Cells) -> Iterator[Entry]:
    """Tokens of one day and model. The input tokens have the cached ones in them."""
    day, model = day_of(first(cells, *_START)), word(cells, "model") or None
    whole = count_of(first(cells, "input_tokens")) or 0
    cached = count_of(first(cells, "input_cached_tokens")) or 0
    tier = "batch" if word(cells, "batch").lower() == "true" else tier_of(word(cells, "service_tier"))
    calls = count_of(first(cells, "num_model_requests"))
    counts = {INPUT: whole - cached, CACHE_READ: cached, OUTPUT: count_of(first(cells, "output_tokens")) or 0}
    for number, (meter, count) in enumerate(counts.items()):
        if count or number == 0:
            yield Entry(day, _OPENAI, model, meter, count, None, tier=tier, calls=calls if number == 0 else None)


def _anthropic_costs(cells: Cells) -> Iterator[Entry]:
    """A cost of one day. The API gives it in cents, and the console's file in dollars."""
    pico = pico_of(cells["cost_usd"]) if "cost_usd" in cells else pico_of(cells["amount"], CENTS)
    if pico is None:
        return
    said = word(cells, "token_type")
    text = " ".join((word(cells, "description"), word(cells, "cost_type"), said))
    meter = _TOKEN_TYPES.get(said, meter_of(said) if said else OTHER)
    tier = tier_of(f"{word(cells, 'service_tier')} {word(cells, 'usage_type')} {text}")
    yield Entry(
        *(
            day_of(first(cells, "usage_date_utc", *_START)),
            _ANTHROPIC,
            word(cells, "model", "model_version") or None,
            meter,
        ),
        *(None, pico, word(cells, "currency").upper() or "USD"),
        tier=tier,
    )


def _anthropic_usage(cells: Cells) -> Iterator[Entry]:
    """Tokens of one day and model; the input is without the cache here."""
    day, model = day_of(first(cells, "usage_date_utc", *_START)), word(cells, "model", "model_version") or None
    made: Any = cells.get("cache_creation") or {}
    written = [count_of(made.get(name)) for name in _WRITES]
    written += [count_of(cells.get(f"usage_input_tokens_cache_write_{life}")) for life in ("5m", "1h")]
    counts = {
        INPUT: count_of(first(cells, "uncached_input_tokens", "usage_input_tokens_no_cache")),
        CACHE_READ: count_of(first(cells, "cache_read_input_tokens", "usage_input_tokens_cache_read")),
        CACHE_WRITE: sum(count or 0 for count in written),
        OUTPUT: count_of(first(cells, "output_tokens", "usage_output_tokens")),
    }
    tier = tier_of(f"{word(cells, 'service_tier')} {word(cells, 'usage_type')}")
    for meter, count in counts.items():
        if count:
            yield Entry(day, _ANTHROPIC, model, meter, count, None, tier=tier)


def _openrouter(cells: Cells) -> Iterator[Entry]:
    """One day, model and provider. The amount is in dollars of credit; cached tokens are not told apart."""
    day, model = day_of(cells["date"]), word(cells, "model_permaslug", "model") or None
    counts = {INPUT: count_of(cells.get("prompt_tokens")), OUTPUT: count_of(cells.get("completion_tokens"))}
    yield Entry(
        day, _OPENROUTER, model, OTHER, None, pico_of(cells["usage"]), "USD", calls=count_of(cells.get("requests"))
    )
    for meter, count in counts.items():
        if count:
            yield Entry(day, _OPENROUTER, model, meter, count, None)


FORMATS: Final = (
    Format(
        *("openai-usage", "OpenAI usage", frozenset(("input_cached_tokens", "output_tokens", "model")), _openai_usage),
        "platform.openai.com/docs/api-reference/usage/completions, 2026-11-30",
    ),
    Format(
        *("openai-costs", "OpenAI costs", frozenset(("amount_value", "line_item")), _openai_costs),
        "platform.openai.com/docs/api-reference/usage/costs, 2026-11-30",
    ),
    Format(
        *("openai-costs", "OpenAI costs", frozenset(("amount", "line_item", "project_id")), _openai_costs),
        "platform.openai.com/docs/api-reference/usage/costs, 2026-11-30",
    ),
    Format(
        *("anthropic-costs", "Anthropic costs", frozenset(("amount", "cost_type", "description")), _anthropic_costs),
        "docs.anthropic.com/en/api/admin-api/usage-cost/get-cost-report, 2026-11-30",
    ),
    Format(
        *("anthropic-costs", "Anthropic costs", frozenset(("usage_date_utc", "cost_usd")), _anthropic_costs),
        "support.claude.com/en/articles/9534590, 2026-11-30",
    ),
    Format(
        *(
            "anthropic-usage",
            "Anthropic usage",
            frozenset(("uncached_input_tokens", "output_tokens")),
            _anthropic_usage,
        ),
        "docs.anthropic.com/en/api/admin-api/usage-cost/get-messages-usage-report, 2026-11-30",
    ),
    Format(
        *("anthropic-usage", "Anthropic usage", frozenset(("usage_date_utc", "usage_input_tokens_no_cache"))),
        *(_anthropic_usage, "support.claude.com/en/articles/9534590, 2026-11-30"),
    ),
    Format(
        *("openrouter", "OpenRouter activity", frozenset(("date", "model_permaslug", "usage", "prompt_tokens"))),
        *(_openrouter, "openrouter.ai/docs/api-reference/analytics/get-user-activity, 2026-11-30"),
    ),
)
