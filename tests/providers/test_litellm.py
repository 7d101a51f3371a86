"""LiteLLM as the outer call: one bill for each call that a model answered, whoever inside LiteLLM sends the request."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest

import genmeter
from genmeter import names
from genmeter.metering import guard
from genmeter.settings import Settings
from tests.metering.rig import MICRO, Meter, one_call, plain
from tests.stub import Reply, StubServer

from .contract import HELLO
from .sdks import litellm as listed

pytestmark = [
    pytest.mark.skipif(listed.SDK.version is None, reason="litellm is not installed here"),
    pytest.mark.xdist_group("sdk-litellm"),
]
CLAUDE: Any = {"model": "anthropic/claude-sonnet-4-5", "messages": HELLO, "api_key": "sk-stub"}
# claude-sonnet-4-5 3 / 15 USD a million: 25 × 3 + 15 × 15; gpt-4o 2.50 / 10.00: 19 × 2.5 + 10 × 10
CLAUDE_COST, GPT_COST = 300.0, 147.5


@pytest.fixture
def meter(stub: StubServer) -> Iterator[Meter]:
    """OpenAI's prices for the stub's OpenAI paths, Anthropic's for all others."""
    guard.reset()
    host = stub.url.removeprefix("http://")
    yield Meter(Settings(sellers={f"{host}/v1": "openai", f"{host}/mistral": "mistral", host: "anthropic"}))
    genmeter.uninstrument()
    assert dict(guard.failures) == {}


@pytest.fixture
def gpt(stub: StubServer) -> dict[str, Any]:
    """A call of gpt-4o, which LiteLLM sends by the openai package."""
    return {"model": "gpt-4o", "messages": HELLO, "api_base": stub.openai_url, "api_key": "sk-stub", "max_retries": 0}


def costs(meter: Meter) -> list[float | None]:
    """What each recorded call cost, in micro-dollars."""
    found = [plain(span.attributes or {}).get(names.COST_AMOUNT) for span in meter.spans]
    return [None if cost is None else round(cost / MICRO, 6) for cost in found]


def read(answer: Any) -> list[Any]:
    return list(answer)


async def read_async(answer: Any) -> list[Any]:
    return [chunk async for chunk in answer]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_call_that_litellm_posts_by_itself_is_one_bill(
    asynchronous: bool, stream: bool, stub: StubServer, meter: Meter
) -> None:
    import litellm

    ask = {**CLAUDE, "api_base": stub.url, "stream": stream}

    async def run() -> None:
        answer: Any = await litellm.acompletion(**ask)
        if stream:
            await read_async(answer)

    if asynchronous:
        asyncio.run(run())
    else:
        answer: Any = litellm.completion(**ask)
        read(answer) if stream else None
    attributes = one_call(meter)
    assert attributes[names.PROVIDER] == "anthropic"
    assert attributes[names.REQUEST_MODEL] == "claude-sonnet-4-5"
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (25, 15)
    assert costs(meter) == [CLAUDE_COST]


def test_litellms_own_price_stands_beside_ours_and_is_never_the_bill(meter: Meter, gpt: dict[str, Any]) -> None:
    import litellm

    names_of_the_model = ("gpt-4o-2024-08-06", "gpt-4o")
    rows = {name: dict(litellm.model_cost[name]) for name in names_of_the_model}
    # By the public way, which also forgets what LiteLLM remembers of the price of an earlier call.
    litellm.register_model(
        {name: {**row, "input_cost_per_token": 1.0, "output_cost_per_token": 1.0} for name, row in rows.items()}
    )
    try:
        litellm.completion(**gpt)
    finally:
        litellm.register_model(rows)
    attributes = one_call(meter)
    assert attributes[names.COST_COMPARED] == 29.0
    assert costs(meter) == [GPT_COST]
    assert attributes[names.COST_SOURCE] == "local"


def test_the_seller_of_a_bare_name_is_told_by_litellms_own_table(meter: Meter) -> None:
    """No address and no provider is given: the request fails for want of a server, and its record says whose it was."""
    import litellm

    known = "claude-sonnet-4-5-20250929" if listed.NEW else "claude-3-haiku-20240307"
    # A proxy that nothing listens on keeps the request on this machine.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        with pytest.raises(Exception, match="rror"):
            litellm.completion(model=known, messages=HELLO, api_key="sk-stub", max_retries=0, timeout=5)
    assert one_call(meter)[names.PROVIDER] == "anthropic"


def test_an_answer_that_the_program_gave_itself_is_no_call(meter: Meter, stub: StubServer) -> None:
    import litellm

    litellm.completion(model="gpt-4o", messages=HELLO, mock_response="Yes.")
    assert meter.spans == [] and stub.requests == []


def test_functions_that_were_bound_before_genmeter_are_metered(stub: StubServer, gpt: dict[str, Any]) -> None:
    """``from litellm import completion``, and then ``genmeter.instrument()``."""
    from litellm import acompletion, completion, embedding

    asked: Any = {"api_base": stub.openai_url, "api_key": "sk-stub", "model": "text-embedding-3-small", "input": ["x"]}
    meter = Meter(Settings(sellers={stub.url.removeprefix("http://"): "openai"}))
    try:
        completion(**gpt)
        read(completion(**gpt, stream=True))
        asyncio.run(acompletion(**gpt))
        embedding(**asked)
        assert costs(meter) == [GPT_COST, GPT_COST, GPT_COST, 0.16]
    finally:
        genmeter.uninstrument()
    completion(**gpt)
    assert len(meter.spans) == 4
    assert dict(guard.failures) == {}


def test_a_call_that_litellm_refuses_before_it_sends_anything_is_no_call(meter: Meter, stub: StubServer) -> None:
    import litellm

    with pytest.raises(litellm.BadRequestError):
        litellm.completion(model="no-such-model", messages=HELLO)
    assert meter.spans == [] and stub.requests == []
    assert meter.total(names.CALLS_ACTIVE) == 0


def test_retries_of_one_call_are_one_bill(meter: Meter, stub: StubServer, gpt: dict[str, Any]) -> None:
    import litellm

    stub.script("/chat/completions", Reply(status=429), Reply(status=500))
    litellm.completion(**gpt, num_retries=3)
    assert len(stub.requests) == 3
    assert costs(meter) == [GPT_COST]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_each_attempt_of_a_router_is_a_call_and_only_the_answered_one_is_billed(
    asynchronous: bool, meter: Meter, stub: StubServer, gpt: dict[str, Any]
) -> None:
    import litellm

    models: Any = [
        {"model_name": "first", "litellm_params": {key: value for key, value in gpt.items() if key != "messages"}},
        {"model_name": "second", "litellm_params": {"model": CLAUDE["model"], "api_key": "k", "api_base": stub.url}},
    ]
    router = litellm.Router(model_list=models, fallbacks=[{"first": ["second"]}], num_retries=0)
    stub.script("/chat/completions", Reply(status=500))
    if asynchronous:
        asyncio.run(router.acompletion(model="first", messages=HELLO))
    else:
        router.completion(model="first", messages=HELLO)
    assert costs(meter) == [None, CLAUDE_COST]
    failed, answered = meter.spans
    assert (failed.attributes or {})[names.ERROR_TYPE]
    assert names.ERROR_TYPE not in (answered.attributes or {})


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_from_litellms_cache_costs_nothing_and_has_no_tokens(
    stream: bool, meter: Meter, stub: StubServer, gpt: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import litellm
    from litellm.caching import Cache

    # The newest version wants this package for every hit, because an answer might be sound.
    monkeypatch.setitem(sys.modules, "soundfile", types.ModuleType("soundfile"))
    monkeypatch.setattr(litellm, "cache", Cache())
    for _ in range(2):
        meter.clear()
        answer: Any = litellm.completion(**gpt, stream=stream)
        assert read(answer) if stream else answer.choices
    assert len(stub.requests) == 1
    attributes = one_call(meter)
    assert names.INPUT_TOKENS not in attributes
    assert (attributes[names.COST_STATUS], attributes[names.COST_AMOUNT]) == ("priced", 0.0)


def test_a_call_that_a_callback_makes_is_a_call_of_its_own(meter: Meter, stub: StubServer, gpt: dict[str, Any]) -> None:
    """LiteLLM runs callbacks in a thread that has the context of the call."""
    import litellm

    judged = threading.Event()

    def judge(kwargs: Any, answer: Any, begun: Any, ended: Any) -> None:
        if not judged.is_set():
            judged.set()
            litellm.completion(**CLAUDE, api_base=stub.url)
            done.set()

    done = threading.Event()
    litellm.success_callback = [judge]
    try:
        litellm.completion(**gpt)
        assert done.wait(60)
    finally:
        litellm.success_callback = []
    assert sorted(costs(meter), key=str) == sorted([GPT_COST, CLAUDE_COST], key=str)


def test_a_server_that_reports_nothing_is_never_billed_by_an_estimate(
    meter: Meter, stub: StubServer, gpt: dict[str, Any]
) -> None:
    """LiteLLM counts the tokens of a stream itself where the server does not say them."""
    import litellm

    stub.script("/chat/completions", Reply(usage=None))
    read(litellm.completion(**gpt, stream=True, stream_options={"include_usage": True}))
    attributes = one_call(meter)
    assert names.INPUT_TOKENS not in attributes
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "no_usage")


def test_a_text_completion_of_a_chat_model_is_one_bill(meter: Meter, stub: StubServer) -> None:
    """LiteLLM answers it by a chat of its own."""
    import litellm

    litellm.text_completion(model=CLAUDE["model"], prompt="x", api_base=stub.url, api_key="k")
    assert meter.span.name == "text_completion claude-sonnet-4-5"
    assert costs(meter) == [CLAUDE_COST]


def test_a_text_completion_is_sent_when_its_stream_is_read_and_is_one_bill(meter: Meter, stub: StubServer) -> None:
    import litellm

    ask: Any = {"model": "gpt-3.5-turbo-instruct", "prompt": "x", "api_base": stub.openai_url, "api_key": "k"}
    read(litellm.text_completion(**ask, stream=True))
    # 1.50 / 2.00 USD a million: 5 × 1.5 + 7 × 2
    assert costs(meter) == [21.5]


def test_a_whole_answer_has_its_price_in_the_unit_that_is_billed(meter: Meter, stub: StubServer) -> None:
    import litellm

    litellm.transcription(model="whisper-1", file=("a.mp3", b"ID3"), api_base=stub.openai_url, api_key="k")
    attributes = one_call(meter)
    # 9 s × 100 micro-dollars; older versions of LiteLLM drop the usage from the answer
    assert (attributes[names.AUDIO_SECONDS], costs(meter)) == (9, [900.0])
