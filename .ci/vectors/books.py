"""A user's own prices, and questions to the catalogue under them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from questions import Data, Question, ask
from words import REGIONS, STRANGERS, TABLE, TIERS, Chance, any_usage, spelled, strange, text_usage, usage_of

_TEXT = """# The user's own prices under which the questions of own.jsonl are asked.

[prices.openai."gpt-4o"]
input = "2.00"
cache_read = "1"
output = "8.000000"

[prices.x_ai."Grok-4.6"]
input = "0.000001"
output = "1e1"

[prices.azure."my-deployment"]
same_as = "gpt-4o-mini"

[prices.azure.mapped]
same_as = "anthropic/claude-haiku-4-5"

[prices.gateway.fast]
same_as = "openai/gpt-5.5"
currency = "USD"

[prices.gateway."free-one"]
free = true

[prices.gateway."modèle-日本"]
input = "3"
output = "4"

[prices.Gateway.fast]
input = "9"
output = "9"

[[prices.mine.dated]]
from = 2026-01-01
input = "1"
output = "2"

[[prices.mine.dated]]
from = 2026-11-01
input = "3"
cache_read = "0.3"
output = "4"
image_input = "5"

[[prices.mine.dated]]
input = "0.5"
output = "1"
request = "7.25"

[prices.mine.all]
input = "1"
cache_read = "2"
cache_write = "3"
cache_write_1h = "4"
output = "5"
audio_input = "6"
audio_cache_read = "7"
audio_output = "8"
image_input = "9"
image_cache_read = "10"
image_output = "11"
search = "12"
request = "13"
cache_write_12h = "14"
video_input = "15"
video_cache_read = "16"
document_input = "17"
document_cache_read = "18"
characters = "19"
audio_seconds = "0.111"
pages = "21"
annotated_pages = "22"
images = "0.04"
search_units = "2"
MORE

[prices.mine.call]
request = "1000000"

[[prices.mine.later]]
from = 2027-06-01
input = "1"
output = "1"
"""

MORE = [
    unit["column"] for unit in TABLE if "column" in unit and not re.search(f"^{unit['column']} = ", _TEXT, re.MULTILINE)
]
"""Columns of units that are younger than the text above: each gets a price in the row that has them all."""
TEXT = _TEXT.replace("MORE\n", "".join(f'{column} = "0.5"\n' for column in MORE))

MODELS = {
    "openai": ("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "GPT-4o "),
    "x_ai": ("grok-4.6", "Grok-4.6"),
    "azure": ("my-deployment", "mapped", "gpt-4o", "deepseek-chat"),
    "gateway": ("fast", "free-one", "modèle-日本", "MODÈLE-日本", "Fast"),
    "Gateway": ("fast", "free-one"),
    "mine": ("dated", "all", "call", "later", "all-2026-01-01"),
    "anthropic": ("claude-haiku-4-5",),
}
EDGES = (0, 1_767_225_599, 1_767_225_600, 1_793_491_199, 1_793_491_200, 1_795_000_000, 1_811_808_000)


def own_questions(data: Data) -> Iterator[Question]:
    """Every own row at its dates, in tiers and regions, mapped, beside a listed answer, and under other spellings."""
    chance = Chance("own prices")
    for seller, models in MODELS.items():
        for model in models:
            for at in EDGES:
                yield ask(seller, model, usage=usage_of(chance), at=at)
                yield ask(seller, model, usage=text_usage(chance), at=at)
                yield ask(seller, model, chance.choice((None, model, *STRANGERS)), usage=any_usage(chance), at=at)
            yield ask(
                seller, model, usage=any_usage(chance), service_tier=chance.choice(TIERS), batch=chance.random() < 0.3
            )
            yield ask(seller, model, usage=any_usage(chance), region=chance.choice(REGIONS))
            yield ask(seller, spelled(chance, model), usage=any_usage(chance))
            yield ask(seller, strange(chance, model), model, usage=any_usage(chance))
            yield ask(seller, model, chance.choice(("gpt-4o-mini-2024-07-18", "gpt-5.5")), usage=text_usage(chance))
            listed = chance.choice(sorted(data["sellers"]["openai"]["ids"]))
            yield ask(seller, model, listed, usage=any_usage(chance), partial=True)
            yield ask(seller, listed, model, usage=any_usage(chance))
    for column in (unit["column"] for unit in TABLE if "column" in unit):
        for at in EDGES[:1]:
            yield ask("mine", "all", usage=any_usage(chance, certain=column), at=at)
