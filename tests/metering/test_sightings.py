"""A call without a price is told once for each seller, model and reason, and its span says what is the matter."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from genmeter import names
from genmeter.metering.sightings import MOST, Sightings
from genmeter.metering.stages.describe import describe
from genmeter.model import Cost, Invocation, Request, Seller, Unpriced
from genmeter.settings import Settings
from tests.stub import StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import one_call
from .sdk import CHAT

OPENAI = Seller("openai", "openai")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "genmeter"]


def unpriced(model: str, reason: str = "unknown_model", seller: Seller = OPENAI) -> Invocation:
    return Invocation("chat", seller, Request(model), cost=Unpriced(reason, f"about {model}"))


def test_each_kind_of_call_without_a_price_is_told_once(
    stub: StubServer, meters: MeterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    meter = meters()
    with caplog.at_level(logging.WARNING, logger="genmeter"), make_client("openai", stub, asynchronous=False) as client:
        for model in ("house-7b", "house-7b", "gpt-4o"):
            client.chat.completions.create(**{**CHAT, "model": model})
        assert len(said(caplog)) == 1
        client.chat.completions.create(**{**CHAT, "model": "house-70b"})
    first, second = said(caplog)
    assert "calls to house-7b of openai have no price (unknown_model: openai lists no price for 'house-7b')" in first
    assert "give the model a price under [prices] in genmeter.toml" in first and "\n" not in first
    assert "house-70b" in second
    assert [point.value for point in meter.points(names.CALLS_UNPRICED)] == [2, 1]


def test_the_span_says_what_is_the_matter(stub: StubServer, meters: MeterFactory) -> None:
    meter = meters()
    with make_client("openai", stub, asynchronous=False) as client:
        client.chat.completions.create(**{**CHAT, "model": "house-7b"})
    attributes = one_call(meter)
    assert attributes["genmeter.cost.reason"] == "unknown_model"
    assert attributes["genmeter.cost.detail"] == "openai lists no price for 'house-7b'"


def test_the_span_of_a_priced_call_has_no_detail(stub: StubServer, meters: MeterFactory) -> None:
    meter = meters()
    with make_client("openai", stub, asynchronous=False) as client:
        client.chat.completions.create(**CHAT)
    assert "genmeter.cost.detail" not in one_call(meter)


def test_a_detail_is_cut_to_two_hundred_characters() -> None:
    attributes = describe(replace(unpriced("a"), cost=Unpriced("invalid_usage", "7" * 500)), Settings())
    assert attributes["genmeter.cost.detail"] == "7" * 200


def test_a_detail_on_a_span_is_short_and_holds_no_content(stub: StubServer, meters: MeterFactory) -> None:
    meter = meters()
    words: Any = [{"role": "user", "content": "the secret recipe"}]
    with make_client("openai", stub, asynchronous=False) as client:
        client.chat.completions.create(**{**CHAT, "model": "house-" + "7" * 500, "messages": words})
    detail = one_call(meter)["genmeter.cost.detail"]
    assert len(detail) <= 200 and "secret" not in detail


def test_a_kind_is_a_seller_a_model_and_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    seen = Sightings()
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        for _ in range(2):
            seen.see(unpriced("a"))
            seen.see(unpriced("b"))
            seen.see(unpriced("a", "no_usage"))
            seen.see(unpriced("a", seller=Seller("groq", "groq")))
            seen.see(Invocation("chat", OPENAI, Request("a"), cost=Cost(0, (), "local", "", "")))
            seen.see(Invocation("chat", OPENAI, Request("a")))
            seen.see(replace(unpriced("cut", "no_usage"), cut="closed"))
            seen.see(replace(unpriced("failed", "no_usage"), error="timeout"))
    assert len(said(caplog)) == 4


def test_names_that_are_made_up_fill_neither_the_memory_nor_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seen = Sightings()
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        for number in range(3 * MOST):
            seen.see(unpriced(f"made-up-{number}"))
    assert len(seen._seen) == MOST
    lines = said(caplog)
    assert len(lines) == MOST + 1 and "only counted" in lines[-1]


def test_a_log_handler_that_fails_does_not_reach_the_app(stub: StubServer, meters: MeterFactory) -> None:
    from genmeter.metering import guard

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no space left")

    meter, broken = meters(), Broken()
    logging.getLogger("genmeter").addHandler(broken)
    try:
        with make_client("openai", stub, asynchronous=False) as client:
            answer = client.chat.completions.create(**{**CHAT, "model": "house-7b"})
    finally:
        logging.getLogger("genmeter").removeHandler(broken)
    assert answer.choices
    assert one_call(meter)[names.COST_REASON] == "unknown_model"
    guard.reset()
