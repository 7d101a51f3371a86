"""A program that posts to a path by itself, as LiteLLM does, is metered like one that calls a resource's method."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types import CreateEmbeddingResponse, ModerationCreateResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response
from opentelemetry.trace import StatusCode

import genmeter
from genmeter import names
from tests.stub import Reply, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE, HELLO, dump, settled

RAW = {"X-Stainless-Raw-Response": "true"}
POSTS: dict[str, tuple[str, str, Any, Any, str, tuple[int | None, int | None], float]] = {
    # client, path, body, cast_to, operation, tokens, micro-dollars: the sums of the cells of the matrix
    "chat": ("openai", "/chat/completions", CHAT, ChatCompletion, "chat", (19, 10), 147.5),
    "chat, by dict": ("openai", "/chat/completions", CHAT, dict[str, Any], "chat", (19, 10), 147.5),
    "chat, as it came": ("openai", "/chat/completions", CHAT, object, "chat", (19, 10), 147.5),
    "chat, as text": ("openai", "/chat/completions", CHAT, str, "chat", (19, 10), 147.5),
    "chat, as bytes": ("openai", "/chat/completions", CHAT, bytes, "chat", (19, 10), 147.5),
    "chat, query": ("openai", "/chat/completions?trace=1", CHAT, ChatCompletion, "chat", (19, 10), 147.5),
    "chat, no slash": ("openai", "chat/completions", CHAT, ChatCompletion, "chat", (19, 10), 147.5),
    "responses": (
        "openai", "/responses", {"model": "gpt-5.6-sol", "input": "x"}, Response, "chat", (36, 87), 1884.0
    ),
    "embeddings": (
        "openai", "/embeddings", {"model": "text-embedding-3-small", "input": "x"}, CreateEmbeddingResponse,
        "embeddings", (8, None), 0.16
    ),
    "moderations": (
        "openai", "/moderations", {"model": "omni-moderation-latest", "input": "x"}, ModerationCreateResponse,
        "moderation", (None, None), 0.0
    ),
    "messages": ("anthropic", "/v1/messages", CLAUDE, Message, "chat", (25, 15), 300.0),
    "messages, beta": ("anthropic", "/v1/messages?beta=true", CLAUDE, Message, "chat", (25, 15), 300.0),
}  # fmt: skip


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", POSTS)
def test_a_post_is_one_call(name: str, asynchronous: bool, stub: StubServer, meters: MeterFactory) -> None:
    """The answer is the bare SDK's; tokens and money are those of the resource's method."""
    kind, path, body, cast_to, operation, tokens, cost = POSTS[name]

    async def run() -> Any:
        async with make_client(kind, stub, asynchronous=True) as client:
            return dump(await client.post(path, body=body, cast_to=cast_to))

    def act() -> Any:
        if asynchronous:
            return asyncio.run(run())
        with make_client(kind, stub, asynchronous=False) as client:
            return dump(client.post(path, body=body, cast_to=cast_to))

    bare = act()
    meter = meters()
    assert act() == bare
    attributes = one_call(meter)
    assert attributes[names.OPERATION] == operation
    assert meter.span.name == f"{operation} {body['model']}"
    assert (attributes.get(names.INPUT_TOKENS), attributes.get(names.OUTPUT_TOKENS)) == tokens
    assert attributes[names.COST_AMOUNT] == pytest.approx(cost * MICRO, rel=1e-12)


STREAMS: dict[str, tuple[str, str, Any, Any, Any, float]] = {
    "chat": (
        "openai", "/chat/completions", CHAT, openai.Stream[ChatCompletionChunk],
        openai.AsyncStream[ChatCompletionChunk], 147.5
    ),
    "messages": (
        "anthropic", "/v1/messages", CLAUDE, anthropic.Stream[RawMessageStreamEvent],
        anthropic.AsyncStream[RawMessageStreamEvent], 300.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("raw", [False, True], ids=["stream", "raw"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_posted_stream_is_one_call(
    name: str, asynchronous: bool, raw: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """LiteLLM's way: a raw response, parsed. The usage is asked for and its chunk hidden; the app's body stays as it was."""
    kind, path, body, sync_stream, async_stream, cost = STREAMS[name]
    given = {**body, "stream": True}
    more: Any = {"cast_to": object, "stream": True, "options": {"headers": RAW} if raw else {}}

    async def run() -> Any:
        async with make_client(kind, stub, asynchronous=True) as client:
            made = await client.post(path, body=given, stream_cls=async_stream, **more)
            made = await settled(made.parse()) if raw else made
            return [dump(chunk) async for chunk in made]

    def act() -> Any:
        if asynchronous:
            return asyncio.run(run())
        with make_client(kind, stub, asynchronous=False) as client:
            made = client.post(path, body=given, stream_cls=sync_stream, **more)
            return [dump(chunk) for chunk in (made.parse() if raw else made)]

    bare = act()
    meter = meters()
    assert act() == bare
    assert given == {**body, "stream": True}
    attributes = one_call(meter)
    assert attributes[names.REQUEST_STREAM] is True
    assert attributes[names.COST_AMOUNT] == pytest.approx(cost * MICRO, rel=1e-12)
    if kind == "openai":
        assert stub.requests[-1].fields["stream_options"] == {"include_usage": True}


def test_a_raw_post_is_the_sdks_own_raw_response(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """LiteLLM asserts its class."""
    made: Any = client.post("/embeddings", body={"model": "text-embedding-3-small", "input": "x"},
                            cast_to=CreateEmbeddingResponse, options={"headers": RAW})  # fmt: skip
    assert type(made).__name__ == "LegacyAPIResponse"
    assert made.parse().usage.prompt_tokens == 8
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(0.16 * MICRO, rel=1e-12)


def test_the_caller_who_decided_about_usage_is_obeyed_in_a_body(
    stub: StubServer, meter: Meter, client: openai.OpenAI
) -> None:
    """``stream_options`` in the body, or in ``extra_json``, is the app's own."""
    for body, options in (
        ({**CHAT, "stream_options": {"include_usage": False}}, {}),
        (CHAT, {"extra_json": {"stream_options": {"include_usage": False}}}),
    ):
        made: Any = client.post("/chat/completions", body={**body, "stream": True}, cast_to=object, stream=True,
                                stream_cls=openai.Stream[ChatCompletionChunk], options=options)  # fmt: skip
        list(made)
        assert stub.requests[-1].fields["stream_options"] == {"include_usage": False}
        assert one_call(meter)[names.COST_REASON] == "no_usage"
        meter.clear()


def test_a_body_of_bytes_is_read(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """The model is in it."""
    body: Any = json.dumps(CHAT).encode()
    accepts = "content" in inspect.signature(client.post).parameters
    client.post("/chat/completions", cast_to=ChatCompletion, **({"content": body} if accepts else {"body": body}))
    assert meter.span.name == "chat gpt-4o"
    assert one_call(meter)[names.COST_STATUS] == "priced"


def test_request_itself_is_a_door_too(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """``client.request`` with the SDK's options."""
    from openai._models import FinalRequestOptions

    options = FinalRequestOptions.construct(method="post", url="/chat/completions", json_data=CHAT)
    client.request(ChatCompletion, options)
    client.with_options(max_retries=0).request(cast_to=ChatCompletion, options=options)
    assert [span.name for span in meter.spans] == ["chat gpt-4o"] * 2


def test_a_response_that_is_got_by_its_path_books_no_tokens(
    stub: StubServer, meter: Meter, client: openai.OpenAI
) -> None:
    """The same as ``responses.retrieve``."""
    made = client.responses.create(model="gpt-5.6-sol", input="x")
    meter.clear()
    client.get(f"/responses/{made.id}", cast_to=Response)
    attributes = one_call(meter)
    assert attributes[names.OPERATION] == names.FETCH_RESPONSE
    assert attributes[names.RESPONSE_ID] == made.id
    assert names.INPUT_TOKENS not in attributes


def test_what_runs_no_model_passes(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """Models, an unknown path, a path that only ends alike."""
    client.models.list()
    client.get("/models", cast_to=object)
    for path in ("/threads/t_1/messages", "/chat/completions/chatcmpl-1", "/chat/completions/c/messages", "/nothing"):
        with pytest.raises(openai.NotFoundError):
            client.post(path, body={"model": "gpt-4o"}, cast_to=object)
    assert meter.all_spans == [] and meter.logs == []


def test_azures_deployment_names_the_model(stub: StubServer, meters: MeterFactory) -> None:
    """The path of a deployment, and a client of one deployment. gpt-4o at Azure: 19 × 2.5 + 10 × 10."""
    meter = meters(sellers={})
    with openai.AzureOpenAI(azure_endpoint=stub.azure_url, api_key="x", api_version="2025-04-01-preview") as client:
        body = {"messages": HELLO}
        client.post("/deployments/gpt-4o/chat/completions", body=body, cast_to=ChatCompletion)
        client.post("/chat/completions", body={**body, "model": "gpt-4o"}, cast_to=ChatCompletion)
    assert [span.name for span in meter.spans] == ["chat gpt-4o"] * 2
    for span in meter.spans:
        found = dict(span.attributes or {})
        assert found[names.PROVIDER] == "azure.ai.openai"
        assert found[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO, rel=1e-12)


def test_an_absolute_address_has_its_own_seller(stub: StubServer, meter: Meter) -> None:
    """The client's own address says nothing of a call that goes elsewhere. llama-3.3-70b at Groq: 449.86 (the matrix)."""
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="x") as client:
        body = {**CHAT, "model": "llama-3.3-70b-versatile"}
        for _ in range(2):
            client.post(f"{stub.flavour_url('groq')}/chat/completions", body=body, cast_to=ChatCompletion)
    for span in meter.spans:
        found = dict(span.attributes or {})
        assert found[names.PROVIDER] == "groq"
        assert found[names.SERVER_PORT] == int(stub.url.rpartition(":")[2])
        assert found[names.COST_AMOUNT] == pytest.approx(449.86 * MICRO, rel=1e-12)


def test_an_error_at_the_door_is_a_failed_call(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """The SDK's exception, one ERROR span."""
    stub.script("/chat/completions", Reply(429))
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=0).post("/chat/completions", body=CHAT, cast_to=ChatCompletion)
    assert one_call(meter)[names.ERROR_TYPE] == "rate_limit_exceeded"
    assert meter.span.status.status_code is StatusCode.ERROR


def test_a_budget_and_the_policy_hold_at_the_door(stub: StubServer, meters: MeterFactory) -> None:
    """Nothing is sent."""
    meters(unattributed="reject", required=("user",))
    with make_client("openai", stub, asynchronous=False) as client:
        with pytest.raises(genmeter.UnattributedCall):
            client.post("/chat/completions", body=CHAT, cast_to=ChatCompletion)
    assert stub.requests == []


def test_a_method_that_no_table_names_is_metered_by_its_path(
    stub: StubServer, meter: Meter, client: openai.OpenAI
) -> None:
    """A resource of a newer SDK, or of the app's own."""

    class Own(openai.resources.chat.Completions):
        def ask(self) -> Any:
            return self._post("/chat/completions", body=CHAT, cast_to=ChatCompletion)

    Own(client).ask()
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO, rel=1e-12)
