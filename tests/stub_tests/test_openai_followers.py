"""Azure, and servers that follow OpenAI in their own way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, BadRequestError, OpenAI

from tests.stub import StubServer

from .sdk import HELLO

INCLUDE: Any = {"include_usage": True}


def test_azure(stub: StubServer) -> None:
    with AzureOpenAI(azure_endpoint=stub.azure_url, api_key="azure-key", api_version="2024-10-21") as client:
        plain = client.chat.completions.create(model="my-deployment", messages=HELLO)
        known = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
        embedded = client.embeddings.create(model="my-embeddings", input="a")
        chunks = list(
            client.chat.completions.create(model="my-deployment", messages=HELLO, stream=True, stream_options=INCLUDE)
        )
        answer = client.responses.create(model="my-deployment", input="Hi")
    assert (plain.model, known.model) == ("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18")
    assert embedded.data and answer.usage
    assert chunks[0].choices == [] and chunks[0].model == "" and chunks[-1].usage
    first = stub.requests[0]
    assert first.path == "/openai/deployments/my-deployment/chat/completions"
    assert first.query == {"api-version": "2024-10-21"} and first.headers["api-key"] == "azure-key"


def test_azure_with_a_fixed_deployment_async(stub: StubServer) -> None:
    async def run() -> None:
        async with AsyncAzureOpenAI(
            azure_endpoint=stub.azure_url, azure_deployment="fixed", api_key="k", api_version="2024-10-21"
        ) as client:
            plain = await client.chat.completions.create(model="ignored", messages=HELLO)
            stream = await client.chat.completions.create(model="ignored", messages=HELLO, stream=True)
            chunks = [chunk async for chunk in stream]
        assert plain.usage and chunks
        assert stub.requests[0].path == "/openai/deployments/fixed/chat/completions"

    asyncio.run(run())


def test_openrouter_reports_cost_always(stub: StubServer) -> None:
    with OpenAI(base_url=stub.flavour_url("openrouter"), api_key="k") as client:
        plain: Any = client.chat.completions.create(model="openai/gpt-4o", messages=HELLO)
        *_, last = list(client.chat.completions.create(model="openai/gpt-4o", messages=HELLO, stream=True))
    streamed: Any = last
    assert plain.id.startswith("gen-") and plain.model == "openai/gpt-4o" and plain.provider == "OpenAI"
    assert plain.usage.cost == streamed.usage.cost == 0.00095
    assert "upstream_inference_cost" in plain.usage.cost_details


def test_other_followers(stub: StubServer) -> None:
    usages: dict[str, Any] = {}
    for name in ("deepseek", "strings", "silent"):
        with OpenAI(base_url=stub.flavour_url(name), api_key="k") as client:
            plain = client.chat.completions.create(model="deepseek-chat", messages=HELLO)
            stream = client.chat.completions.create(
                model="deepseek-chat", messages=HELLO, stream=True, stream_options=INCLUDE
            )
            usages[name] = plain.usage, [chunk.usage for chunk in stream][-1]
    cached = usages["deepseek"][0]
    assert cached.prompt_cache_hit_tokens + cached.prompt_cache_miss_tokens == cached.prompt_tokens == 320
    assert usages["deepseek"][1].prompt_cache_hit_tokens == 256
    assert usages["strings"][0].prompt_tokens == "19" and usages["strings"][1].completion_tokens == "10"
    assert usages["silent"] == (None, None)


def test_refusal_of_stream_options(stub: StubServer, openai_client: OpenAI) -> None:
    stub.refuse_stream_options()
    with pytest.raises(BadRequestError, match="stream_options"):
        openai_client.chat.completions.create(model="m", messages=HELLO, stream=True, stream_options=INCLUDE)
    assert len(stub.requests) == 1
    assert list(openai_client.chat.completions.create(model="m", messages=HELLO, stream=True))
