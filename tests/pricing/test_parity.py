"""Against the engine our data came from: the same call costs the same, or the difference is one we decided on.

Needs the package genai-prices (of the version in the catalogue) in the development environment.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from genmeter.model import Cost, Usage
from genmeter.pricing import Catalogue, Question

genai_prices = pytest.importorskip("genai_prices", reason="needs genai-prices 0.2.3, which is in the development lock")

CALLS = 5000
DECIDED = {"deepseek": "weekdays and holidays", "perplexity": "request fees and search types"}
OWN_ROWS = (
    "claude-sonnet-5-5", "gpt-4o-audio-preview", "ft:gpt-4o", "gpt-4o-search-preview", "gpt-5-search-api", "grok-3",
    "grok-4-0709", "grok-4-fast-reasoning", "grok-4-fast-non-reasoning", "grok-4-1-fast-reasoning",
    "grok-4-1-fast-non-reasoning", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "mistralai/mistral-nemo",
)  # fmt: skip
"""Models whose price the overlay corrects."""


def test_5000_random_calls_cost_the_same_to_the_pico_dollar() -> None:
    from genai_prices.data import providers

    chance = random.Random(5000)
    catalogue = Catalogue.bundled()
    pool = [
        (provider, model)
        for provider in providers
        if provider.id not in DECIDED and provider.id != "openai-decisions"
        for model in provider.models
    ]
    compared, differ = 0, list[str]()
    for _ in range(CALLS):
        provider, model = chance.choice(pool)
        into = chance.choice([1, 1200, 99_999, 150_000, 272_001, 900_000])
        out, read = (chance.randint(0, 9000), chance.randint(0, into) if chance.random() < 0.3 else 0)
        at = datetime(2026, chance.randint(1, 11), chance.randint(1, 28), chance.randint(0, 23), 30, tzinfo=UTC)
        ours = catalogue.price(Question(provider.id, model.id, model.id, Usage(into, out, read), at.timestamp()))
        if not isinstance(ours, Cost) or model.id in OWN_ROWS or not provider.find_model(model.id):
            continue
        found = provider.find_model(model.id)
        usage = genai_prices.Usage(input_tokens=into, output_tokens=out, cache_read_tokens=read)
        theirs = found.calc_price(usage, provider, genai_request_timestamp=at).total_price
        compared += 1
        # Float noise of two resellers below a micro-dollar per million tokens is rounded when the data is compiled.
        if abs(Decimal(ours.total) - theirs * 10**12) > (0 if provider.id not in NOISY else into + out):
            differ.append(f"{provider.id}/{model.id} at {at}: {ours.total} and {theirs * 10**12}; {ours.entry}")
    assert compared > CALLS // 2
    assert differ == []


NOISY = {"huggingface_together", "openrouter"}
