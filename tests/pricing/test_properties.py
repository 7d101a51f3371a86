"""What holds for every call, on seeded random ones: lines add up, more costs more, nothing raises."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from genmeter import names
from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing import Catalogue, Question

NOVEMBER = 1_795_000_000
JUNK: list[Any] = [None, "", "x", -1, 0, 1.5, math.nan, math.inf, True, 10**30, "12", b"1", [], {}, object()]


def calls(count: int) -> list[tuple[str, str, Usage, str | None, bool]]:
    """Random calls of listed models with parts that lie inside their totals."""
    chance = random.Random(20261121)
    listed = [one for one in Catalogue.bundled().listings() if not one.plan.free]
    made: list[tuple[str, str, Usage, str | None, bool]] = []
    for _ in range(count):
        one = chance.choice(listed)
        into = chance.choice([0, 1, 1200, 99_999, 272_000, 272_001, 900_000])
        read = chance.randint(0, into) if chance.random() < 0.4 else 0
        write = chance.randint(0, into - read) if chance.random() < 0.2 else 0
        usage = Usage(into, chance.randint(0, 5000), read, write, reasoning=chance.randint(0, 9))
        made.append((one.seller, chance.choice(one.names), usage, chance.choice([None, "flex", "fast"]), False))
    return made


def test_lines_exclude_each_other_and_add_up_to_the_total() -> None:
    catalogue, priced = Catalogue.bundled(), 0
    for seller, model, usage, tier, batch in calls(4400):
        cost = catalogue.price(Question(seller, model, model, usage, NOVEMBER, tier, batch))
        if isinstance(cost, Unpriced):
            assert cost.reason in names.UNPRICED_REASONS
            continue
        priced += 1
        kinds = [kind for kind, _ in cost.lines]
        assert len(kinds) == len(set(kinds)) and set(kinds) <= set(names.COST_KINDS)
        assert sum(amount for _, amount in cost.lines) == cost.total
        assert all(type(amount) is int and amount >= 0 for _, amount in cost.lines)
    assert priced > 1000


def test_more_tokens_never_cost_less() -> None:
    catalogue = Catalogue.bundled()
    for seller, model, usage, tier, batch in calls(2000):
        cost = catalogue.price(Question(seller, model, model, usage, NOVEMBER, tier, batch))
        longer = replace(usage, input=(usage.input or 0) + 1, output=(usage.output or 0) + 1)
        more = catalogue.price(Question(seller, model, model, longer, NOVEMBER, tier, batch))
        if isinstance(cost, Cost) and isinstance(more, Cost):
            assert more.total >= cost.total


def test_nothing_raises_on_junk() -> None:
    chance = random.Random(7)
    catalogue = Catalogue.bundled()
    fields = list(Usage.__dataclass_fields__)
    for _ in range(5000):
        usage = Usage(10, 10)
        for field in chance.sample(fields, 3):
            setattr(usage, field, chance.choice(JUNK))
        arguments = [chance.choice(["openai", "aws", "deepseek", *JUNK]) for _ in range(6)]
        arguments[1] = chance.choice(["gpt-4o", "deepseek-v4-pro", *JUNK])
        result = catalogue.price(Question(
            arguments[0], arguments[1], arguments[2], chance.choice([usage, None]), chance.choice([NOVEMBER, *JUNK]),
            arguments[3], arguments[4], arguments[5],
        ))  # fmt: skip
        assert isinstance(result, Cost) or result.reason in names.UNPRICED_REASONS


@pytest.mark.parametrize("field", list(Usage.__dataclass_fields__))
@pytest.mark.parametrize("value", ["5", 2.5, math.nan])
def test_a_count_that_is_no_whole_number_is_never_billed(field: str, value: object) -> None:
    usage = Usage(1000, 1000, 500, 400, 300, 200, audio_input=10, audio_cache_read=5)
    setattr(usage, field, value)
    result = Catalogue.bundled().price(Question("openai", "gpt-realtime", None, usage, NOVEMBER))
    if field in ("reasoning", "text_input", "text_output"):
        return
    assert isinstance(result, Unpriced)


def test_the_memory_of_calls_is_bounded_for_misses_too() -> None:
    catalogue = Catalogue.bundled()
    for number in range(10_000):
        catalogue.price(Question("openai", f"gpt-junk-{number}", None, Usage(1, 1), NOVEMBER))
    assert len(catalogue._plans) <= 4096


def test_a_call_priced_twice_costs_the_same_and_says_which_catalogue() -> None:
    catalogue = Catalogue.bundled()
    first = catalogue.price(Question("openai", "gpt-4o", None, Usage(5, 5), NOVEMBER))
    assert first == catalogue.price(Question("openai", "gpt-4o", None, Usage(5, 5), NOVEMBER))
    assert isinstance(first, Cost) and first.catalogue == catalogue.version and first.source == "local"
