"""A stream's usage comes only to those who ask: we ask, the app does not notice, and a server that refuses is obeyed."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.trace import StatusCode
from pydantic import BaseModel, ValidationError

from genmeter import names
from tests.stub import Reply, Stream, StubServer

from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE, INSTALLED, dump

COMPLETION: Any = {"model": "gpt-3.5-turbo-instruct", "prompt": "Say it"}


def read(client: OpenAI, **ask: Any) -> list[Any]:
    """All chunks of one streamed chat, as the app sees them."""
    return [dump(chunk) for chunk in client.chat.completions.create(**{**CHAT, **ask}, stream=True)]


def asked(stub: StubServer) -> list[Any]:
    """``stream_options`` of every request."""
    return [request.fields.get("stream_options") for request in stub.requests]


@pytest.mark.parametrize(
    "reply",
    [Stream(), Stream(n=3), Stream(reasoning="hm"), Stream(usage=None), Stream(usage={"prompt_tokens": 7})],
    ids=["plain", "n", "reasoning", "no-usage", "usage"],
)
@pytest.mark.parametrize("choices", [1, 3])
def test_the_extra_chunk_is_asked_for_and_hidden(
    reply: Reply, choices: int, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """The chunks are the bare SDK's to the last field, also those that count as set."""
    stub.script("/chat/completions", reply, reply)
    bare = read(client, n=choices)
    meter = meters()
    assert read(client, n=choices) == bare
    assert asked(stub) == [None, {"include_usage": True}]
    attributes = one_call(meter)
    assert len(attributes[names.FINISH_REASONS]) == choices


def test_the_callers_own_arguments_are_not_changed(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """What the app passes in stays as it was, and its other options are sent along."""
    options = {"include_obfuscation": False}
    read(client, stream_options=options)
    assert options == {"include_obfuscation": False}
    assert asked(stub) == [{"include_obfuscation": False, "include_usage": True}]
    one_call(meter)


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("where", ["stream_options", "extra_body"])
def test_a_caller_who_decided_is_obeyed(
    decided: bool, where: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """Neither the request nor what comes back changes; usage is booked where the caller asked for it."""
    options = {"include_usage": decided}
    ask: dict[str, Any] = {where: options if where == "stream_options" else {"stream_options": options}}
    bare = read(client, **ask)
    meter = meters()
    assert read(client, **ask) == bare
    assert asked(stub) == [options, options]
    attributes = one_call(meter)
    assert attributes.get(names.INPUT_TOKENS) == (19 if decided else None)
    assert attributes[names.COST_STATUS] == ("priced" if decided else "unpriced")


def test_the_setting_turns_asking_off(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """GENMETER_STREAM_USAGE=off: the request is the app's own."""
    meter = meters(ask_stream_usage=False)
    read(client)
    assert asked(stub) == [None]
    assert one_call(meter)[names.COST_REASON] == "no_usage"


def test_text_completions_are_asked_likewise(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """gpt-3.5-turbo-instruct 1.50 / 2.00: 5 × 1.5 + 7 × 2 = 21.5, the chunk hidden."""
    bare = [dump(chunk) for chunk in client.completions.create(**COMPLETION, stream=True)]
    meter = meters()
    assert [dump(chunk) for chunk in client.completions.create(**COMPLETION, stream=True)] == bare
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(21.5 * MICRO, rel=1e-12)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_is_asked_without_and_remembered(
    status: int, stub: StubServer, meter: Meter, client: OpenAI
) -> None:
    """One normal stream, one span without an error; from then on nothing is added."""
    stub.refuse_stream_options(status)
    assert len(read(client)) > 3
    attributes = one_call(meter)
    assert meter.span.status.status_code is StatusCode.UNSET and names.ERROR_TYPE not in attributes
    assert asked(stub) == [{"include_usage": True}, None]
    read(client)
    assert asked(stub)[2:] == [None]
    assert len(meter.spans) == 2


def test_an_async_client_falls_back_likewise(stub: StubServer, meter: Meter) -> None:
    """The same, awaited."""
    stub.refuse_stream_options()

    async def run() -> int:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="x") as client:
            return len([chunk async for chunk in await client.chat.completions.create(**CHAT, stream=True)])

    assert asyncio.run(run()) > 3
    one_call(meter)
    assert asked(stub) == [{"include_usage": True}, None]


def test_a_refusal_keeps_the_callers_other_options(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """Only what we had added is taken back."""
    refusal = {"error": {"message": "Unknown parameter: stream_options.include_usage", "type": "invalid_request_error"}}
    stub.script("/chat/completions", Reply(400, refusal))
    read(client, stream_options={"include_obfuscation": False})
    assert asked(stub)[1] == {"include_obfuscation": False}
    one_call(meter)


@pytest.mark.parametrize("content", ["NO_CONTENT", "SPAN_AND_EVENT"])
def test_a_refusal_does_not_lose_messages_that_a_generator_gave(
    content: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """The first attempt drains the generator: the second must not go out empty."""
    stub.refuse_stream_options()
    meter = meters(content=content)
    read(client, messages=(message for message in CHAT["messages"]))
    assert stub.requests[-1].fields["messages"] == CHAT["messages"]
    one_call(meter)


def test_a_genuine_bad_request_is_the_sdks_own_error_once(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """The app gets one BadRequestError, there is one ERROR span, and nothing is remembered against the server."""
    stub.script("/chat/completions", Reply(400), Reply(400))
    with pytest.raises(openai.BadRequestError):
        read(client)
    attributes = one_call(meter)
    assert meter.span.status.status_code is StatusCode.ERROR
    assert attributes[names.ERROR_TYPE] == "invalid_request_error"
    assert len(meter.events(names.EVENT_EXCEPTION)) == 1
    read(client)
    assert asked(stub)[-1] == {"include_usage": True}


def test_a_server_known_to_take_the_option_is_not_asked_twice(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """After one success a bad request is the caller's own: it is sent once."""
    read(client)
    stub.script("/chat/completions", Reply(400))
    with pytest.raises(openai.BadRequestError):
        read(client)
    assert len(stub.requests) == 2
    assert len(meter.spans) == 2


def test_a_usage_chunk_that_the_server_sends_to_everybody_stays_visible(stub: StubServer, meters: MeterFactory) -> None:
    """OpenRouter reports usage in every stream: an app that reads it there must go on finding it."""
    with OpenAI(base_url=stub.flavour_url("openrouter"), api_key="x") as client:
        bare = read(client)
        meters(sellers={stub.url.removeprefix("http://") + "/openrouter": "openrouter"})
        assert read(client) == bare


def test_whole_answers_and_other_apis_are_never_asked(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """The option belongs to streams of the older APIs alone."""
    client.chat.completions.create(**CHAT)
    list(client.responses.create(model="gpt-5.6-sol", input="x", stream=True))
    assert asked(stub) == [None, None]
    assert len(meter.spans) == 2


HEAD: dict[str, Any] = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
TEXT: dict[str, Any] = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}
STOP: dict[str, Any] = {"delta": {}, "finish_reason": "stop"}
TOKENS: dict[str, Any] = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
SEVEN_AND_NINE = (7 * 2.5 + 9 * 10) * MICRO
"""gpt-4o, 2.50 and 10."""


@pytest.mark.parametrize("index", [{}, {"index": None}], ids=["missing", "null"])
def test_a_choice_without_an_index_keeps_the_usage(
    index: dict[str, Any], stub: StubServer, meter: Meter, client: OpenAI
) -> None:
    """Some compatible servers leave the index out of the last chunk."""
    last = {**HEAD, "choices": [{**STOP, **index}], "usage": TOKENS}
    stub.script("/chat/completions", Stream(events=[{**HEAD, "choices": [TEXT]}, last, "[DONE]"]))
    assert read(client)[-1] is not None
    attributes = one_call(meter)
    assert attributes[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)
    assert attributes[names.FINISH_REASONS] == ["stop"]


@pytest.mark.parametrize("choices", [[None], "x", {"a": 1}], ids=["null", "text", "object"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_malformed_choices_keep_the_usage(
    choices: Any, streamed: bool, stub: StubServer, meter: Meter, client: OpenAI
) -> None:
    """The tokens are billed, whatever stands beside them."""
    answer = {**HEAD, "choices": choices, "usage": TOKENS}
    events = [{**HEAD, "choices": [TEXT]}, answer, "[DONE]"]
    stub.script("/chat/completions", Stream(events=events) if streamed else Reply(body=answer))
    for _ in (
        client.chat.completions.create(**CHAT, stream=True) if streamed else [client.chat.completions.create(**CHAT)]
    ):
        pass
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)


@pytest.mark.parametrize("sdk", [sdk for sdk in ("openai", "groq") if INSTALLED[sdk]])
@pytest.mark.parametrize("choices", [[TEXT], []], ids=["choice", "none"])
def test_usage_in_groqs_own_field_is_read_without_a_finish_reason(
    sdk: str, choices: list[Any], stub: StubServer, meters: MeterFactory
) -> None:
    """llama-3.1-8b-instant at Groq 0.05 / 0.08: 7 × 0.05 + 9 × 0.08 = 1.07."""
    from .cells import make_client

    meter = meters(sellers={stub.url.removeprefix("http://"): "groq"}, ask_stream_usage=False)
    head = {**HEAD, "model": "llama-3.1-8b-instant"}
    usage = {**head, "choices": choices, "x_groq": {"id": "r", "usage": TOKENS}}
    first = {**head, "choices": [TEXT], "x_groq": {"id": "r"}}
    events = [first, {**head, "choices": [{**STOP, "index": 0}]}, usage, "[DONE]"]
    stub.script("/chat/completions", Stream(events=events))
    with make_client(sdk, stub, asynchronous=False) as client:
        for _ in client.chat.completions.create(**{**CHAT, "model": "llama-3.1-8b-instant"}, stream=True):
            pass
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(1.07 * MICRO, rel=1e-12)


@pytest.mark.parametrize("path", ["chat", "responses", "anthropic"])
def test_a_stream_asked_for_with_a_truthy_value_is_metered_as_one(path: str, stub: StubServer, meter: Meter) -> None:
    """``stream=1``: the SDKs stream for any true value."""
    from .cells import make_client

    with make_client("anthropic" if path == "anthropic" else "openai", stub, asynchronous=False) as client:
        if path == "responses":
            made = client.responses.create(model="gpt-4o", input="x", stream=1)
        else:
            create = client.messages.create if path == "anthropic" else client.chat.completions.create
            made = create(**(CLAUDE if path == "anthropic" else CHAT), stream=1)
        assert len(list(made)) > 3
    attributes = one_call(meter)
    assert attributes[names.REQUEST_STREAM] is True
    assert attributes[names.COST_STATUS] == "priced"


def test_the_sdks_markers_for_no_argument_ask_for_no_stream(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """NOT_GIVEN and Omit are false."""
    client.chat.completions.create(**CHAT, stream=openai.NOT_GIVEN)  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert names.REQUEST_STREAM not in one_call(meter)


def test_a_copy_of_a_stream_is_metered_and_hides_the_extra_chunk(
    stub: StubServer, meter: Meter, client: OpenAI
) -> None:
    """An SDK's copy of a stream shares the stream; so does ours, with its call."""
    made = client.chat.completions.create(**CHAT, stream=True)
    copied = copy.copy(made)
    assert isinstance(copied, openai.Stream)
    del made
    gc.collect()
    assert all(chunk.choices and chunk.usage is None for chunk in copied)
    assert one_call(meter)[names.COST_STATUS] == "priced"


def refusal(code: Any, message: str = "No.", param: Any = None, **more: Any) -> Reply:
    """A 400 with an error object."""
    return Reply(
        400, {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}, **more}
    )


ELSEWHERE = {
    "content filter": refusal("content_filter", "The response was filtered", "prompt"),
    "Azure": refusal("content_filter", "The response was filtered", None),
    "context length": refusal("context_length_exceeded", "This model's maximum context length is 128000 tokens"),
    "parameter": refusal(None, "Unsupported value", "temperature"),
    "parameter and vague code": refusal("unsupported_value", "Unsupported value", "messages[0].role"),
    "unknown model": Reply(
        404, {"error": {"message": "x", "type": "invalid_request_error", "code": "model_not_found"}}
    ),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("reason", ELSEWHERE)
def test_a_refusal_for_another_reason_is_never_sent_again(
    reason: str, asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """Each call is one request, however often it happens; the next one is asked as before."""
    reply = ELSEWHERE[reason]
    stub.script("/chat/completions", reply, reply, reply)

    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="x") as client:
            await client.chat.completions.create(**CHAT, stream=True)

    for _ in range(3):
        with pytest.raises((openai.BadRequestError, openai.NotFoundError)):
            if asynchronous:
                asyncio.run(run())
            else:
                with OpenAI(base_url=stub.openai_url, api_key="x") as client:
                    read(client)
    assert asked(stub) == [{"include_usage": True}] * 3
    assert [span.status.status_code for span in meter.spans] == [StatusCode.ERROR] * 3


@pytest.mark.parametrize("code", [None, "", "400", 400, "bad_request", "unsupported_parameter"])
def test_a_refusal_without_a_reason_is_sent_again_once_for_a_server(
    code: Any, stub: StubServer, meter: Meter, client: OpenAI
) -> None:
    """The server refused the same call without the option too, and said the same: from then on its word is taken."""
    replies = [refusal(code, f"Your request req_{number}x{number} is not valid") for number in range(5)]
    stub.script("/chat/completions", *replies[:4])
    for _ in range(3):
        with pytest.raises(openai.BadRequestError):
            read(client)
    assert asked(stub) == [{"include_usage": True}, None, {"include_usage": True}, {"include_usage": True}]
    read(client)
    assert asked(stub)[-1] == {"include_usage": True}
    assert len(meter.spans) == 4


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]},
        {"object": "error", "message": "include_usage is not supported", "type": "BadRequestError", "code": 400},
        {"error": {"message": "Unknown parameter", "code": "unknown_parameter", "param": "stream_options"}},
        {"error": {"message": 'Unknown name "stream_options"', "code": 400, "status": "INVALID_ARGUMENT"}},
        {"error": "Bad Request"},
    ],
    ids=["FastAPI", "vLLM", "OpenAI", "Google", "no reason"],
)  # fmt: skip
def test_servers_refuse_the_option_in_many_words(body: Any, stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """The app gets its stream, and the server is not asked any more, also after it has refused other things."""
    stub.script("/chat/completions", refusal("content_filter"), Reply(400, body))
    with pytest.raises(openai.BadRequestError):
        read(client)
    read(client)
    read(client)
    assert asked(stub) == [{"include_usage": True}, {"include_usage": True}, None, None]


def test_a_server_that_gives_no_reason_is_not_asked_any_more(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """Its refusals of the option could not be told from others, and would reach the app."""
    empty = Reply(400, "", headers={"content-type": "text/plain"})
    stub.script("/chat/completions", empty, empty)
    with pytest.raises(openai.BadRequestError):
        read(client)
    read(client)
    assert asked(stub) == [{"include_usage": True}, None, None]


def test_a_server_with_ever_new_reasons_is_sent_few_requests_in_vain(
    stub: StubServer, meter: Meter, client: OpenAI
) -> None:
    """Four at most in a process."""
    for word in ("one", "two", "three", "four", "five", "six"):
        stub.script("/chat/completions", *[refusal(None, word)] * (2 if word in ("one", "two", "three", "four") else 1))
        with pytest.raises(openai.BadRequestError):
            read(client)
    assert len(stub.requests) == 4 * 2 + 2


UNASKED = [{**HEAD, "choices": [TEXT]}, {**HEAD, "choices": [{**STOP, "index": 0}]}, {**HEAD, "choices": [], "usage": TOKENS}, "[DONE]"]  # fmt: skip
"""A stream of vLLM with --enable-force-include-usage, of llama.cpp or of LiteLLM with always_include_stream_usage."""


def test_an_app_keeps_the_usage_that_its_own_server_sends_to_everybody(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """Where no seller is known, the first stream is the app's own: it shows what the app is used to, and is metered."""
    stub.script("/chat/completions", *[Stream(events=UNASKED)] * 4)
    bare = read(client)
    meter = meters(sellers={})
    assert [read(client) for _ in range(3)] == [bare] * 3
    assert asked(stub) == [None] * 4
    for span in meter.spans:
        assert dict(span.attributes or {})[names.INPUT_TOKENS] == 7


def test_a_server_of_an_unknown_seller_is_asked_once_its_habit_is_known(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """It sent no usage unasked: from then on it is asked, and the extra chunk is hidden. A cut stream shows nothing."""
    bare = read(client)
    meter = meters(sellers={})
    with client.chat.completions.create(**CHAT, stream=True) as cut:
        next(iter(cut))
    assert [read(client) for _ in range(3)] == [bare] * 3
    assert asked(stub) == [None, None, None, {"include_usage": True}, {"include_usage": True}]
    assert [dict(span.attributes or {}).get(names.INPUT_TOKENS) for span in meter.spans] == [None, None, 19, 19]


ODD: dict[str, tuple[Any, Any]] = {
    # the last events of a stream, and a whole answer: the usage is always 7 and 9
    "in the choice": ({"choices": [{**STOP, "index": 0, "usage": TOKENS}]}, {"choices": [{**STOP, "message": {"role": "assistant", "content": "x"}, "usage": TOKENS}]}),
    "in a vendor's field": ({"choices": [{**STOP, "index": 0}], "x_vendor": {"usage": TOKENS}}, {"choices": [], "x_vendor": {"usage": TOKENS}}),
    "beside null choices": ({"choices": None, "usage": TOKENS}, {"choices": None, "usage": TOKENS}),
    "beside no choices": ({"usage": TOKENS}, {"usage": TOKENS}),
    "with an odd index": ({"choices": [{**STOP, "index": {"a": 1}}], "usage": TOKENS}, {"choices": [{**STOP, "index": []}], "usage": TOKENS}),
    "with an odd reason": ({"choices": [{**STOP, "index": 0, "finish_reason": {"a": 1}}], "usage": TOKENS}, {"choices": [{"finish_reason": 7}], "usage": TOKENS}),
    "with half a surrogate pair": ({"choices": [{**STOP, "index": 0}], "usage": TOKENS, "id": "\ud800x"}, {"id": "\ud800x", "choices": [], "usage": TOKENS}),
}  # fmt: skip


@pytest.mark.parametrize("shape", ODD)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_an_odd_shape_costs_no_more_than_itself(
    shape: str, streamed: bool, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """Tokens and money are read, the app gets what the bare SDK gives, and what is exported can be written."""
    last, answer = ODD[shape]
    # As text: the stub's own encoder cannot write half of a surrogate pair, while "\\ud800" is valid JSON.
    events = [json.dumps({**HEAD, "choices": [TEXT]}), json.dumps({**HEAD, **last}), "[DONE]"]
    reply = Stream(events=events) if streamed else Reply(body=json.dumps({**HEAD, **answer}))
    stub.script("/chat/completions", reply, reply)

    def act() -> Any:
        if streamed:
            return read(client)
        return dump(client.chat.completions.create(**CHAT))

    bare = act()
    meter = meters(ask_stream_usage=False)
    assert act() == bare
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)
    meter.exported().encode()


@pytest.mark.parametrize("event", [None, 7, "x", [], {"choices": 7}, {"choices": [7]}, {"type": "new"}], ids=repr)
def test_an_unknown_chunk_is_the_apps_and_costs_nothing_else(
    event: Any, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """A chunk of any JSON, in the middle of a stream that is asked for its usage."""
    events = [{**HEAD, "choices": [TEXT]}, json.dumps(event), {**HEAD, "choices": [], "usage": TOKENS}, "[DONE]"]
    stub.script("/chat/completions", Stream(events=[*events[:2], "[DONE]"]), Stream(events=events))

    def act() -> Any:
        return [repr(chunk) for chunk in client.chat.completions.create(**CHAT, stream=True)]

    bare = act()
    meter = meters()
    assert act() == bare
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)


def until_the_finish_reason(chunks: Any) -> list[Any]:
    """What many apps do: they stop at the finish reason, and no more is read."""
    seen: list[Any] = []
    for chunk in chunks:
        seen.append(dump(chunk))
        if chunk.choices and chunk.choices[0].finish_reason:
            break
    return seen


WAYS_TO_STOP: dict[str, Any] = {
    "dropped": until_the_finish_reason,
    "closed": lambda stream: (until_the_finish_reason(stream), stream.close())[0],
    "next": lambda stream: until_the_finish_reason(iter(stream.__next__, None)),
}


@pytest.mark.parametrize("way", WAYS_TO_STOP)
def test_an_app_that_stops_at_the_finish_reason_is_billed_exactly(
    way: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    stub.script("/chat/completions", *[Stream(usage={"prompt_tokens": 7, "completion_tokens": 9})] * 2)
    bare = WAYS_TO_STOP[way](client.chat.completions.create(**CHAT, stream=True))
    meter = meters()
    assert WAYS_TO_STOP[way](client.chat.completions.create(**CHAT, stream=True)) == bare
    gc.collect()
    attributes = one_call(meter)
    assert attributes[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)
    assert attributes[names.COST_STATUS] == "priced" and names.STREAM_CUT not in attributes


def test_an_async_app_that_stops_at_the_finish_reason_is_billed_exactly(stub: StubServer, meter: Meter) -> None:
    stub.script("/chat/completions", Stream(usage={"prompt_tokens": 7, "completion_tokens": 9}))

    async def run() -> None:
        client = AsyncOpenAI(base_url=stub.openai_url, api_key="x")
        async with client, await client.chat.completions.create(**CHAT, stream=True) as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].finish_reason:
                    break

    asyncio.run(run())
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)


def chunk(text: str, reason: str | None) -> dict[str, Any]:
    """One chunk on the wire."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}


AFTER_THE_END: dict[str, list[Any]] = {
    "an error": [chunk("a", None), chunk("b", "stop"), {"error": {"message": "broken", "code": "server_error"}}],
    "more text": [chunk("a", None), chunk("b", "stop"), chunk("c", None), chunk("d", "length"), "[DONE]"],
    "no usage": [chunk("a", None), chunk("b", "stop"), "[DONE]"],
    "nothing": [chunk("a", None), chunk("b", "stop")],
    "reasons everywhere": [chunk("a", "stop"), chunk("b", "stop"), chunk("c", "stop"), "[DONE]"],
}


@pytest.mark.parametrize("name", AFTER_THE_END)
def test_what_comes_after_a_finish_reason_comes_when_the_app_asks(
    name: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """The chunk with the finish reason first, then the rest, error or end, as without genmeter."""

    def told() -> list[Any]:
        stream, seen = client.chat.completions.create(**CHAT, stream=True), list[Any]()
        for _ in range(7):
            try:
                seen.append(dump(next(stream)))
            except Exception as error:
                seen.append((type(error), str(error), error.__cause__, error.__context__))
        return seen

    stub.script("/chat/completions", *[Stream(events=AFTER_THE_END[name])] * 2)
    bare = told()
    meter = meters()
    assert told() == bare
    one_call(meter)


def test_a_stream_helper_that_fails_to_parse_is_billed_exactly(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """The helper parses at the finish reason, before the chunk with the usage."""
    stub.script(
        "/chat/completions", Stream(chunks=['{"number": "x"}'], usage={"prompt_tokens": 7, "completion_tokens": 9})
    )
    with pytest.raises(ValidationError), stream_helper(client)(**CHAT, response_format=Answer) as stream:
        for _ in stream:
            pass
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(SEVEN_AND_NINE, rel=1e-12)


class Answer(BaseModel):
    """What the app asks for."""

    number: int


def stream_helper(client: OpenAI) -> Any:
    """``stream`` of chat completions; older SDKs have it under ``beta``."""
    return getattr(client.chat.completions, "stream", None) or client.beta.chat.completions.stream
