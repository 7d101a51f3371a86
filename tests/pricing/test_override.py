"""The user's own prices come first, exactly as written; a row that cannot be used stops the start with its line."""

from __future__ import annotations

import tomllib

import pytest

from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing import Catalogue, PricesError, Question, parse

NOVEMBER = 1_795_000_000


def under(text: str) -> Catalogue:
    return Catalogue.bundled().with_overrides(parse(tomllib.loads(text)["prices"], "genmeter.toml", text))


def bill(text: str, *call: str | None, usage: Usage | None = None, **more: object) -> Cost | Unpriced:
    return under(text).price(Question(*call, usage or Usage(1000, 100), more.pop("at", NOVEMBER), **more))  # type: ignore[arg-type]


def test_an_own_price_replaces_the_listed_one_and_says_so() -> None:
    cost = bill('[prices.openai."gpt-4o"]\ninput = "2.00"\noutput = "8.00"\n', "openai", "gpt-4o", None)
    # 1,000 x 2.00 + 100 x 8.00 per million = 0.0020 + 0.0008 = 0.0028
    assert isinstance(cost, Cost)
    assert (cost.total, cost.entry) == (2_800_000_000, "override:openai/gpt-4o")
    assert cost.catalogue.startswith(Catalogue.bundled().version + "+own-")


def test_an_own_price_answers_to_the_provider_name_too() -> None:
    cost = bill('[prices.x_ai."grok-4.6"]\ninput = "1"\noutput = "1"\n', "x-ai", "grok-4.6", None)
    assert isinstance(cost, Cost) and cost.total == 1_100_000_000


def test_what_an_own_row_leaves_out_is_refused_not_taken_from_the_list() -> None:
    text = '[prices.openai."gpt-4o"]\ninput = "2"\noutput = "8"\n'
    result = bill(text, "openai", "gpt-4o", None, usage=Usage(1000, 100, cache_read=10))
    assert isinstance(result, Unpriced) and result.reason == "unpriced_dimension"
    tier = bill(text, "openai", "gpt-4o", None, service_tier="flex")
    assert isinstance(tier, Unpriced) and tier.reason == "unknown_service_tier"


def test_every_column_of_an_own_row_is_billed() -> None:
    text = """[prices.mine."m"]
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
"""
    usage = Usage(input=1100, output=300, cache_read=300, cache_write=200, cache_write_1h=100, audio_input=200,
                  audio_output=100, audio_cache_read=100, image_input=200, image_output=100, image_cache_read=100,
                  searches=1)  # fmt: skip
    cost = bill(text, "mine", "m", None, usage=usage)
    assert isinstance(cost, Cost)
    million, thousand = 10**6, 10**9
    assert dict(cost.lines) == {
        "input": 400 * 1 * million,  # 1100 − 300 read − 200 written − 100 audio − 100 image
        "cache_read": 100 * 2 * million,
        "cache_write": (100 * 3 + 100 * 4) * million,
        "output": 100 * 5 * million,
        "audio_input": 100 * 6 * million,
        "audio_cache_read": 100 * 7 * million,
        "audio_output": 100 * 8 * million,
        "image_input": 100 * 9 * million,
        "image_cache_read": 100 * 10 * million,
        "image_output": 100 * 11 * million,
        "search": 12 * thousand,
        "request": 13 * thousand,
    }


def test_dated_rows_change_at_midnight_utc() -> None:
    text = """[[prices.mine."m"]]
input = "1"
output = "1"
[[prices.mine."m"]]
from = 2026-11-01
input = "2"
output = "2"
"""
    eve = 1_793_491_199  # 2026-10-31T23:59:59Z
    before, after = (bill(text, "mine", "m", None, at=at) for at in (eve, eve + 1))
    assert isinstance(before, Cost) and before.total == 1_100_000_000
    assert isinstance(after, Cost) and after.total == 2_200_000_000


def test_a_call_before_the_first_dated_row_has_no_price() -> None:
    text = '[[prices.mine."m"]]\nfrom = 2026-11-01\ninput = "2"\noutput = "2"\n'
    result = bill(text, "mine", "m", None, at=0)
    assert isinstance(result, Unpriced) and result.reason == "no_price_for_date"


def test_free_is_written_and_then_holds_without_usage() -> None:
    catalogue = under('[prices.mine."m"]\nfree = true\n')
    cost = catalogue.price(Question("mine", "m", None, None, NOVEMBER))
    assert isinstance(cost, Cost) and cost.total == 0
    assert catalogue.named("mine") is not None


def test_a_deployment_is_mapped_to_a_listed_model() -> None:
    text = '[prices.azure."my-deployment"]\nsame_as = "gpt-4o"\n'
    cost = bill(text, "azure", "my-deployment", None)
    # gpt-4o: 1,000 x 2.50 + 100 x 10.00 per million = 0.0035
    assert isinstance(cost, Cost) and cost.total == 3_500_000_000
    assert cost.entry == "azure:openai/gpt-4o"


def test_what_the_response_says_is_believed_before_the_map() -> None:
    text = '[prices.azure."my-deployment"]\nsame_as = "gpt-4o"\n'
    cost = bill(text, "azure", "my-deployment", "gpt-4o-mini-2024-07-18")
    # gpt-4o-mini: 1,000 x 0.15 + 100 x 0.60 per million = 0.00021
    assert isinstance(cost, Cost) and cost.total == 210_000_000


def test_a_gateway_of_ones_own_may_point_at_another_seller() -> None:
    cost = bill('[prices.gateway."fast"]\nsame_as = "anthropic/claude-haiku-4-5"\n', "gateway", "fast", None)
    assert isinstance(cost, Cost) and cost.total == 1_500_000_000


def test_a_map_to_nothing_stops_the_start() -> None:
    with pytest.raises(PricesError, match=r"genmeter.toml:1: prices.azure.d.same_as: azure lists no model 'gpt-99'"):
        under('[prices.azure."d"]\nsame_as = "gpt-99"\n')


BAD = [
    ('[prices.openai."gpt-4o"]\ninput = 2.5\n', 2, "prices.openai.gpt-4o.input: 2.5 is not a string; write dollars"),
    ('[prices.openai."gpt-4o"]\ninput = 2.5\n', 2, 'per million tokens as a string, e.g. "2.50"'),
    ('[prices.openai."gpt-4o"]\ninput = "cheap"\n', 2, "prices.openai.gpt-4o.input: 'cheap' is not a number"),
    ('[prices.openai."gpt-4o"]\noutput = "1"\ninput = "-1"\n', 3, "prices.openai.gpt-4o.input: '-1' is no price"),
    ('[prices.openai."gpt-4o"]\ninput = "NaN"\n', 2, "prices.openai.gpt-4o.input: 'NaN' is no price"),
    ('[prices.openai."gpt-4o"]\ninput = "9999999"\n', 2, "'9999999' is no price"),
    ('[prices.openai."gpt-4o"]\ninput = "0.0000001"\n', 2, "finer than a millionth of a dollar"),
    ('[prices.openai."gpt-4o"]\nsearch = true\n', 2, "write dollars per 1,000 calls as a string"),
    ('\n\n[prices.openai."gpt-4o"]\nprice = "1"\n', 4, "prices.openai.gpt-4o.price: unknown key; there are input,"),
    ('[prices.openai."gpt-4o"]\ninput = "1"\ncurrency = "EUR"\n', 3, "prices.openai.gpt-4o.currency: only USD"),
    ('[prices.openai."gpt-4o"]\n', 1, "prices.openai.gpt-4o: no price in this row"),
    ('[prices.openai."gpt-4o"]\nfrom = "2026-01-01"\ninput = "1"\n', 2, "write a date without quotes: 2026-01-01"),
    ('[prices.openai."gpt-4o"]\nfree = false\n', 2, "write `free = true`, or give prices instead"),
    ('[prices.openai."gpt-4o"]\nfree = true\ninput = "1"\n', 2, "prices.openai.gpt-4o.free: stands alone"),
    ('[prices.openai."gpt-4o"]\nsame_as = 5\n', 2, 'write the name of a listed model, e.g. "gpt-4o"'),
    ('[[prices.a.b]]\ninput = "1"\n[[prices.a.b]]\ninput = "2"\n', 3, "two rows begin at no date"),
    ('[[prices.a.b]]\ninput = "1"\n[[prices.a.b]]\nfrom = 2026-01-01\ninput = 2\n', 5, "prices.a.b.input: 2 is not"),
    ('[prices]\nopenai = "1"\n', 2, 'prices.openai: write [prices.openai."the-model"] with prices in it'),
    ('[prices.openai]\n"gpt-4o" = "1"\n', 2, 'prices.openai.gpt-4o: write [prices.openai."gpt-4o"]'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words"), BAD, ids=[words[:60] for _, _, words in BAD])
def test_a_bad_row_stops_the_start_with_file_line_and_advice(text: str, line: int, words: str) -> None:
    with pytest.raises(PricesError) as caught:
        under(text)
    assert str(caught.value).startswith(f"genmeter.toml:{line}: ")
    assert words in str(caught.value)
