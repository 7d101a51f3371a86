"""Random names and random counts for a few seconds: never an exception, never a negative, never a guess.

The twin of ``fuzz_test.go``; the seed is new in every run and shown when something fails.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from fractions import Fraction

import pytest

from genmeter import names
from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing import Addresses, Catalogue, Question, parse

SECONDS = 2.5
NOVEMBER = 1_795_000_000
BILLED = (
    "input", "output", "cache_read", "cache_write", "cache_write_1h", "audio_input", "audio_output", "audio_cache_read",
    "image_input", "image_output", "image_cache_read", "cache_write_12h", "video_input", "video_cache_read",
    "document_input", "document_cache_read", "characters", "audio_seconds", "pages", "annotated_pages", "images",
    "search_units",
)  # fmt: skip
"""Fields with a column of the same name, whose sum ``by_hand`` writes out; a new unit joins together with its sum."""
FIELDS = (*BILLED, "reasoning", "text_input", "text_output", "searches")
LETTERS = "abcxyz0129-_.:@/ \t\n\x00'\"\\éßİK١²日\U0001f600\u2028\udc80"
PIECES = (
    "latest",
    "preview",
    "-v1",
    ":0",
    "-2026-11-17",
    "@20250929",
    "ft:",
    "arn:",
    "models/",
    "openai/",
    ".ft-",
    "us.",
)


@pytest.fixture
def chance() -> random.Random:
    seed = random.SystemRandom().randrange(2**32)
    print(f"random.Random({seed})")  # pytest shows it beside a failure
    return random.Random(seed)


def until_time_is_up(least: int) -> Iterator[int]:
    end, count = time.monotonic() + SECONDS, 0
    while count < least or time.monotonic() < end:
        yield count
        count += 1


def mutated(chance: random.Random, name: str) -> str:
    for _ in range(chance.randint(0, 3)):
        at = chance.randint(0, len(name))
        piece = (
            chance.choice(PIECES) if chance.random() < 0.5 else "".join(chance.choices(LETTERS, k=chance.randint(1, 4)))
        )
        name = name[:at] + piece + name[at + chance.choice((0, 0, 1, 3)) :]
    return name * (300 if chance.random() < 0.01 else 1)


def undashed(name: str) -> str:
    return name.lower().removeprefix("ft:").replace("-", "")


def test_no_name_raises_and_no_price_is_a_guess(chance: random.Random) -> None:
    catalogue = Catalogue.bundled()
    listed = [(one.seller, one.model, one.names) for one in catalogue.listings()]
    rows = {f"{seller}/{model}": {undashed(name) for name in spelled} for seller, model, spelled in listed}
    priced = 0
    for _ in until_time_is_up(2000):
        seller, _, spelled = chance.choice(listed)
        asked = [mutated(chance, chance.choice(spelled)) if chance.random() < 0.8 else None for _ in range(2)]
        seller = mutated(chance, seller) if chance.random() < 0.1 else seller
        tier, region = (mutated(chance, word) if chance.random() < 0.1 else None for word in ("flex", "us"))
        cost = catalogue.price(Question(seller, *asked, Usage(1000, 10), NOVEMBER, tier, chance.random() < 0.1, region))
        if isinstance(cost, Unpriced):
            assert cost.reason in names.UNPRICED_REASONS and cost.detail
            continue
        priced += 1
        face = catalogue.named(seller)
        assert face is not None, seller
        row = cost.entry.partition(";")[0]
        assert row.startswith((f"{face.id}/", f"{face.id}:")), (seller, cost)
        row = row.removeprefix(f"{face.id}:")
        given = [undashed(name) for name in asked if name is not None and len(name) <= 256]
        assert any(name in one for name in rows[row] for one in given), (seller, asked, cost)
    assert priced > 200


def test_no_counts_raise_and_every_bill_is_the_sum_of_its_parts(chance: random.Random) -> None:
    row = {column: str(price) for price, column in enumerate((*BILLED, "search", "request"), 3)}
    catalogue = Catalogue.bundled().with_overrides(parse({"mine": {"m": row}}, "genmeter.toml", ""))
    sizes = (0, 0, 0, 1, 5, 100, 10**6, 2**40, 2**62, 2**63 - 1, -1, -(2**63), 2**80)
    priced = 0
    for _ in until_time_is_up(2000):
        usage = Usage(chance.choice((None, 10**7, 2**41)), chance.choice((None, 10**7)))
        for field in chance.sample(FIELDS, chance.randint(0, 4)):
            setattr(usage, field, chance.choice(sizes))
        cost = catalogue.price(Question("mine", "m", None, usage, NOVEMBER, partial=chance.random() < 0.3))
        if isinstance(cost, Unpriced):
            assert cost.reason in ("invalid_usage", "no_usage"), (usage, cost)
            continue
        priced += 1
        assert 0 <= cost.total < 2**63 and all(amount > 0 for _, amount in cost.lines), (usage, cost)
        assert cost.total == sum(amount for _, amount in cost.lines) == by_hand(usage, row), (usage, cost)
    assert priced > 200


def by_hand(usage: Usage, row: dict[str, str]) -> int:
    """The same sum, written out: what is cached of a modality lies in the cache and in the modality."""
    price = {column: int(text) * 10**6 for column, text in row.items()}
    kinds = ("audio", "image", "video", "document")
    cached = {kind: getattr(usage, f"{kind}_cache_read") for kind in kinds}
    media = {kind: getattr(usage, f"{kind}_input") for kind in kinds}
    sums = {
        "input": (usage.input or 0) - usage.cache_read - usage.cache_write - sum(media.values()) + sum(cached.values()),
        "output": (usage.output or 0) - usage.audio_output - usage.image_output,
        "cache_read": usage.cache_read - sum(cached.values()),
        "cache_write": usage.cache_write - usage.cache_write_1h - usage.cache_write_12h,
        "cache_write_1h": usage.cache_write_1h,
        "cache_write_12h": usage.cache_write_12h,
        "audio_output": usage.audio_output,
        "image_output": usage.image_output,
        "characters": usage.characters,
        **{f"{kind}_input": media[kind] - cached[kind] for kind in kinds},
        **{f"{kind}_cache_read": cached[kind] for kind in kinds},
    }
    thousands = {
        "search": usage.searches,
        "request": 1,
        "pages": usage.pages - usage.annotated_pages,
        "annotated_pages": usage.annotated_pages,
        "search_units": usage.search_units,
    }
    total = sum(count * price[column] for column, count in sums.items())
    total += sum(count * price[column] * 1000 for column, count in thousands.items())
    hours = Fraction(usage.audio_seconds, 3600)
    return total + usage.images * price["images"] * 10**6 + round(hours * price["audio_seconds"] * 10**6)


def test_the_answer_does_not_depend_on_what_was_asked_before(chance: random.Random) -> None:
    fresh, worn = Catalogue.bundled().with_overrides(parse({}, "", "")), Catalogue.bundled()
    for _ in range(5000):
        worn.price(Question("openai", mutated(chance, "gpt-4o"), None, Usage(1, 1), NOVEMBER))
    for _ in range(500):
        name = mutated(chance, "gpt-4o-2024-08-06")
        questions = ("openai", name, mutated(chance, name), Usage(1000, 10), NOVEMBER)
        first, second = worn.price(Question(*questions)), fresh.price(Question(*questions))
        assert first == second
        assert isinstance(first, Cost | Unpriced)


FOREIGN = ["\u00a0gpt-4o", "gpt-4o\u001c", "gpt-4o@\u0661\u0662", "gpt-4o:\u0661", "gpt-4o-v\u0661", "gpt-4o-\uff10\uff18-\uff10\uff16",
           "gpt-4o-2024-08-\u0660\u0666", "\uff27pt-4o"]  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_blank_letter_or_digit_outside_ascii_is_in_nobodys_name(name: str) -> None:
    result = Catalogue.bundled().price(Question("openai", name, None, Usage(1, 1), NOVEMBER))
    assert isinstance(result, Unpriced) and result.reason == "unknown_model"


def test_capitals_outside_ascii_are_not_lowered() -> None:
    catalogue = Catalogue.bundled()
    assert catalogue.named("\u212aimi") is None and catalogue.named("x_A\u0130") is None
    flex = catalogue.price(Question("openai", "gpt-5.5", None, Usage(1, 1), NOVEMBER, "FLEX"))
    assert isinstance(flex, Cost) and flex.entry.startswith("openai/gpt-5.5;flex")
    fast = catalogue.price(Question("openai", "gpt-5.5", None, Usage(1, 1), NOVEMBER, "fast\u0307"))
    assert isinstance(fast, Unpriced) and fast.reason == "unknown_service_tier"


def test_an_address_is_the_same_in_capitals() -> None:
    addresses = Addresses({"gw.example.com/openai": "openai"}, Catalogue.bundled())
    found = addresses.seller("GW.example.COM", 443, "/OpenAI/v1")
    assert found is not None and found.id == "openai"
    assert addresses.seller("gw.example.com", None, "/openais") is None
