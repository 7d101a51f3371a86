"""A router chooses who serves a call: the seller is known after the answer alone, and the call has that seller's price."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from genmeter import names
from tests.metering.rig import one_call
from tests.stub import Reply, StubServer

from .conftest import Metering
from .contract import HELLO, Sdk
from .listed import PRESENT

MODEL = "meta-llama/Llama-3.3-70B-Instruct"


def hugging_face(url: str, streamed: bool) -> None:
    from huggingface_hub import InferenceClient

    client = InferenceClient(base_url=f"{url}/v1", api_key="hf_stub")
    read(client.chat_completion(HELLO, model=MODEL, stream=streamed))


def openai(url: str, streamed: bool) -> None:
    from openai import OpenAI

    with OpenAI(base_url=f"{url}/v1", api_key="hf_stub", max_retries=0) as client:
        read(client.chat.completions.create(model=MODEL, messages=HELLO, stream=streamed))


def openai_async(url: str, streamed: bool) -> None:
    from openai import AsyncOpenAI

    async def run() -> None:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="hf_stub", max_retries=0) as client:
            answer: Any = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=streamed)
            if streamed:
                _ = [chunk async for chunk in answer]

    asyncio.run(run())


def read(answer: Any) -> None:
    """Read a stream to its end; a whole answer is an object of its own."""
    if hasattr(answer, "__next__") or hasattr(answer, "_iterator"):
        _ = list(answer)


CALLS = {"huggingface": [hugging_face], "openai": [openai, openai_async]}
CASES = [(sdk, call) for sdk in PRESENT for call in CALLS.get(sdk.name, ())]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("sdk", "call"), CASES, ids=[call.__name__ for _, call in CASES])
def test_the_seller_that_a_router_has_chosen_bills_the_call(
    sdk: Sdk, call: Callable[[str, bool], None], streamed: bool, stub: StubServer, metering: Metering
) -> None:
    stub.script("/chat/completions", Reply(headers={"x-inference-provider": "together"}))
    host = stub.url.removeprefix("http://")
    meter = metering(sdk, sellers={f"{host}/together": "huggingface_together"})
    call(stub.url, streamed)
    attributes = one_call(meter)
    assert attributes[names.PROVIDER] == "huggingface_together"
    assert (attributes[names.SERVER_ADDRESS], attributes[names.SERVER_PORT]) == (
        "127.0.0.1",
        int(host.partition(":")[2]),
    )


@pytest.mark.parametrize(("sdk", "call"), CASES, ids=[call.__name__ for _, call in CASES])
def test_the_users_word_for_an_address_is_not_overruled(
    sdk: Sdk, call: Callable[[str, bool], None], stub: StubServer, metering: Metering
) -> None:
    stub.script("/chat/completions", Reply(headers={"x-inference-provider": "together"}))
    host = stub.url.removeprefix("http://")
    meter = metering(sdk, sellers={host: "groq", f"{host}/together": "huggingface_together"})
    call(stub.url, False)
    assert one_call(meter)[names.PROVIDER] == "groq"
