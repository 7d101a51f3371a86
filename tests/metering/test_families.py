"""Forms of answers that no SDK of the locks has, on the small SDK of ``acme.py``: lazy generators, both kinds of iterator,
streams inside a mapping, one method for many operations, and an SDK that traces itself. The real SDKs of these forms
(google-genai, cohere, mistralai, boto3) come with their providers.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace

import genmeter
from genmeter import names
from genmeter.metering import instrumentor
from genmeter.metering.dialects import openai_chat
from genmeter.metering.dialects.openai_chat import OPENAI_CHAT
from genmeter.metering.families.botocore import BOTOCORE, server_of
from genmeter.metering.families.plain import PLAIN
from genmeter.metering.families.stainless import INCLUDE_USAGE
from genmeter.metering.payers.rules import RejectedCall
from genmeter.metering.spec import Muted, Provider, Server, Target, both

from . import acme
from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call

HERE = acme.__name__
STREAMING = replace(OPENAI_CHAT, read_request=lambda kwargs: openai_chat.read_request({**kwargs, "stream": True}))
TARGETS = (
    *both(HERE, "Models", "generate", OPENAI_CHAT),
    *both(HERE, "Models", "generate_stream", STREAMING),
    *both(HERE, "Models", "spoken_stream", STREAMING),
    Target(HERE, "Models.traced_stream", STREAMING),
    Target(HERE, "Models.chat", OPENAI_CHAT, lazy=True),
    Target(HERE, "Models.complete", OPENAI_CHAT),
    Target(HERE, "AsyncModels.begun_stream", STREAMING, awaited=True),
)
PROVIDER = Provider(
    sdk="acme",
    name="acme",
    family=PLAIN,
    targets=TARGETS,
    server=lambda models: Server(models.api, models.api.url),
    # None of the methods has the option's argument, so none may be given it.
    usage_option=INCLUDE_USAGE,
    error_by_status=True,
)
OPERATIONS = Provider(
    sdk="acme.client",
    name="acme",
    family=BOTOCORE,
    targets=(Target(HERE, "Client._make_api_call", {"Converse": OPENAI_CHAT, "ConverseStream": STREAMING}),),
    server=server_of("models"),
)
TRACED = Provider(
    sdk="acme.traced",
    name="acme",
    family=PLAIN,
    targets=(Target(HERE, "Traced.generate", OPENAI_CHAT),),
    server=lambda models: Server(models.api, models.api.url),
    muted=(Muted(HERE, "choose_tracer", "silent"), Muted(HERE, "tracer", SimpleNamespace(name="silent"))),
)


@pytest.fixture(autouse=True)
def nothing_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instrumentor, "PROVIDERS", (PROVIDER, OPERATIONS, TRACED))
    acme.SENT.clear()


def billed(meter: Meter) -> dict[str, Any]:
    """One call, read to its end: 19 and 10 tokens of gpt-4o, 19 × 2.5 + 10 × 10 micro-dollars."""
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (19, 10)
    assert attributes[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO)
    return attributes


def test_a_value_is_billed_by_an_address_that_is_a_text(meter: Meter) -> None:
    assert acme.Models().generate(model="gpt-4o") is acme.ANSWER
    attributes = billed(meter)
    assert (attributes[names.PROVIDER], attributes[names.SERVER_ADDRESS]) == ("openai", "api.openai.com")


def test_another_address_on_the_same_object_is_another_seller(meter: Meter) -> None:
    models = acme.Models()
    models.generate(model="gpt-4o")
    models.api.url = "https://api.deepseek.com"
    models.generate(model="gpt-4o")
    assert [span.attributes[names.PROVIDER] for span in meter.spans] == ["openai", "deepseek"]


def test_a_failure_is_told_by_its_status_where_its_class_says_nothing(meter: Meter) -> None:
    for status in (400, 429):
        with pytest.raises(acme.AcmeError):
            acme.Models().generate(model="gpt-4o", fails=status)
    assert [span.attributes[names.ERROR_TYPE] for span in meter.spans] == ["400", "429"]


# --- generators that have sent nothing -----------------------------------------------------------------------------

LAZY: list[Callable[[], Any]] = [
    lambda: acme.Models().generate_stream(model="gpt-4o"),
    lambda: acme.Models().chat(model="gpt-4o", stream=True),
]


@pytest.mark.parametrize("make", LAZY, ids=["generator function", "function that returns one"])
def test_a_lazy_generator_is_a_call_from_its_first_item(make: Callable[[], Any], meter: Meter) -> None:
    made = make()
    assert isinstance(made, types.GeneratorType)
    assert (acme.SENT, meter.spans) == ([], [])
    assert list(made) == acme.CHUNKS
    assert acme.SENT == ["generate_stream"]
    assert billed(meter)[names.TIME_TO_FIRST_CHUNK] < 1


@pytest.mark.parametrize("end", ["dropped", "closed"])
def test_a_lazy_generator_that_is_never_read_is_no_call(end: str, meter: Meter) -> None:
    made = acme.Models().generate_stream(model="gpt-4o")
    if end == "closed":
        made.close()  # pyright: ignore[reportAttributeAccessIssue]
        assert list(made) == []
    del made
    assert (acme.SENT, meter.spans, meter.total(names.CALLS_ACTIVE)) == ([], [], 0)


def test_a_lazy_generator_that_is_closed_is_a_cut_call(meter: Meter) -> None:
    made: Any = acme.Models().generate_stream(model="gpt-4o")
    assert next(made) == acme.CHUNKS[0]
    made.close()
    assert one_call(meter)[names.STREAM_CUT] == "closed"


def test_calls_after_a_generator_that_keeps_a_span_current_are_metered(meter: Meter) -> None:
    before = trace.get_current_span()
    read = acme.Models().traced_stream(model="gpt-4o")
    assert next(read) == acme.CHUNKS[0]
    assert trace.get_current_span() is before
    assert list(read) == acme.CHUNKS[1:]
    assert trace.get_current_span() is before
    meter.clear()
    acme.Models().generate(model="gpt-4o")
    assert len(meter.spans) == 1


def test_who_pays_for_a_lazy_generator_is_who_made_it(meter: Meter) -> None:
    with genmeter.attribution(department="research"):
        made = acme.Models().generate_stream(model="gpt-4o")
    with genmeter.attribution(department="sales"):
        assert list(made) == acme.CHUNKS
    assert billed(meter)[names.DEPARTMENT] == "research"


def test_a_rejected_lazy_call_raises_at_its_first_item_and_sends_nothing(meters: MeterFactory) -> None:
    meters(required=("department",), unattributed="reject")
    made = acme.Models().generate_stream(model="gpt-4o")
    with pytest.raises(RejectedCall):
        next(made)
    assert acme.SENT == []


def test_an_asynchronous_generator_function_stays_one(meter: Meter) -> None:
    async def read() -> list[Any]:
        made = acme.AsyncModels().generate_stream(model="gpt-4o")
        assert isinstance(made, types.AsyncGeneratorType)
        assert acme.SENT == []
        return [chunk async for chunk in made]

    assert asyncio.run(read()) == acme.CHUNKS
    billed(meter)


def test_an_asynchronous_generator_that_is_closed_is_a_cut_call(meter: Meter) -> None:
    async def read() -> None:
        made: Any = acme.AsyncModels().generate_stream(model="gpt-4o")
        assert await anext(made) == acme.CHUNKS[0]
        await made.aclose()

    asyncio.run(read())
    assert one_call(meter)[names.STREAM_CUT] == "closed"


def test_a_coroutine_that_gives_a_generator_is_a_call_from_the_start(meter: Meter) -> None:
    async def read() -> list[Any]:
        made = await acme.AsyncModels().begun_stream(model="gpt-4o")
        assert acme.SENT == ["begun_stream"]
        return [chunk async for chunk in made]

    assert asyncio.run(read()) == acme.CHUNKS
    billed(meter)


def test_a_generator_that_a_coroutine_gave_is_billed_however_it_is_asked(meter: Meter) -> None:
    """``asend`` asks for an item as ``anext`` does; what is no generator has no such method."""

    async def read() -> list[Any]:
        made = await acme.AsyncModels().begun_stream(model="gpt-4o")
        found = [await made.asend(None), await anext(made), await made.asend(None)]
        with pytest.raises(StopAsyncIteration):
            await made.asend(None)
        assert not hasattr(made, "send")
        return found

    assert asyncio.run(read()) == acme.CHUNKS
    assert names.STREAM_CUT not in billed(meter)


def test_an_error_that_is_thrown_into_a_begun_generator_ends_its_call(meter: Meter) -> None:
    async def read() -> None:
        made = await acme.AsyncModels().begun_stream(model="gpt-4o")
        await anext(made)
        with pytest.raises(KeyError):
            await made.athrow(KeyError("x"))

    asyncio.run(read())
    assert one_call(meter)[names.ERROR_TYPE] == "KeyError"


def test_a_generator_that_is_sent_values_and_errors_is_billed_as_any(meter: Meter) -> None:
    """``send(None)`` asks for an item as ``next`` does, and each item that comes back is seen."""
    made: Any = acme.Models().spoken_stream(model="gpt-4o")
    assert made.send(None) == acme.CHUNKS[0]
    assert len(meter.points(names.CALLS_ACTIVE)) == 1
    assert made.send("more") == acme.CHUNKS[1]
    assert made.throw(KeyError("x")) == acme.CHUNKS[2]
    with pytest.raises(StopIteration):
        made.send("last")
    assert acme.SENT == ["spoken_stream", "more", "KeyError", "last"]
    assert names.STREAM_CUT not in billed(meter)


def test_an_asynchronous_generator_that_is_sent_values_and_errors_is_billed_as_any(meter: Meter) -> None:
    async def read() -> None:
        made: Any = acme.AsyncModels().spoken_stream(model="gpt-4o")
        assert await made.asend(None) == acme.CHUNKS[0]
        assert await made.asend("more") == acme.CHUNKS[1]
        assert await made.athrow(KeyError("x")) == acme.CHUNKS[2]
        with pytest.raises(StopAsyncIteration):
            await made.asend("last")

    asyncio.run(read())
    assert acme.SENT == ["spoken_stream", "more", "KeyError", "last"]
    assert names.STREAM_CUT not in billed(meter)


def test_an_error_thrown_into_a_generator_ends_its_call(meter: Meter) -> None:
    """The generator does not know the error: the call ends with it, now, and is cut or failed as with any error."""
    made: Any = acme.Models().spoken_stream(model="gpt-4o")
    next(made)
    with pytest.raises(ValueError, match="stop"):
        made.throw(ValueError("stop"))
    assert one_call(meter)[names.ERROR_TYPE] == "ValueError"

    async def read() -> None:
        made: Any = acme.AsyncModels().spoken_stream(model="gpt-4o")
        await anext(made)
        with pytest.raises(ValueError, match="stop"):
            await made.athrow(ValueError("stop"))

    meter.clear()
    asyncio.run(read())
    assert one_call(meter)[names.ERROR_TYPE] == "ValueError"


def test_a_generator_that_has_not_started_makes_no_call_for_a_value_or_an_error(meter: Meter) -> None:
    """Python refuses the value and raises the error at once; the first still makes its call when it is asked."""
    made: Any = acme.Models().spoken_stream(model="gpt-4o")
    with pytest.raises(TypeError, match="just-started"):
        made.send("early")
    thrown: Any = acme.Models().spoken_stream(model="gpt-4o")
    with pytest.raises(KeyError):
        thrown.throw(KeyError("x"))
    assert list(thrown) == [] and acme.SENT == [] and meter.all_spans == []

    async def read() -> None:
        waiting: Any = acme.AsyncModels().spoken_stream(model="gpt-4o")
        with pytest.raises(TypeError, match="just-started"):
            await waiting.asend("early")
        with pytest.raises(KeyError):
            await waiting.athrow(KeyError("x"))

    asyncio.run(read())
    assert acme.SENT == [] and meter.all_spans == []
    assert list(made) == acme.CHUNKS
    billed(meter)


# --- an iterator of both kinds -------------------------------------------------------------------------------------


def test_a_stream_of_both_kinds_is_seen_by_for_and_by_async_for(meter: Meter) -> None:
    stream = acme.Models().complete(model="gpt-4o", stream=True)
    assert isinstance(stream, acme.Both)
    assert list(stream) == acme.CHUNKS
    billed(meter)
    meter.clear()

    async def read() -> list[Any]:
        return [chunk async for chunk in acme.Models().complete(model="gpt-4o", stream=True)]

    assert asyncio.run(read()) == acme.CHUNKS
    assert [span.attributes[names.OUTPUT_TOKENS] for span in meter.spans] == [10]


# --- one method for many operations --------------------------------------------------------------------------------


def test_the_operation_of_one_method_chooses_the_dialect(meter: Meter) -> None:
    assert acme.Client().converse(model="gpt-4o") == acme.ANSWER
    billed(meter)


def test_a_stream_inside_a_mapping_is_watched_there(meter: Meter) -> None:
    answer = acme.Client().converse_stream(model="gpt-4o")
    assert type(answer) is dict and answer["head"] == "a-1"
    assert isinstance(answer["stream"], acme.EventStream)
    assert list(answer["stream"]) == acme.CHUNKS
    billed(meter)


def test_a_stream_inside_a_mapping_that_is_closed_is_a_cut_call(meter: Meter) -> None:
    stream = acme.Client().converse_stream(model="gpt-4o")["stream"]
    assert next(iter(stream)) == acme.CHUNKS[0]
    stream.close()
    assert acme.SENT == ["ConverseStream", "closed"]
    assert one_call(meter)[names.STREAM_CUT] == "closed"


def test_operations_and_services_that_run_no_model_pass(meter: Meter) -> None:
    acme.Client().list_models()
    acme.Client("storage").converse(model="gpt-4o")
    assert acme.SENT == ["ListModels", "Converse"]
    assert meter.spans == []


# --- an SDK that traces itself -------------------------------------------------------------------------------------


def test_what_an_sdk_traces_with_is_silent_inside_our_calls_alone(meter: Meter) -> None:
    acme.Traced().generate(model="gpt-4o")
    assert acme.SENT == ["silent silent"]
    assert (acme.choose_tracer(), acme.tracer.name) == ("loud", "loud")
    genmeter.uninstrument()
    acme.Traced().generate(model="gpt-4o")
    assert acme.SENT == ["silent silent", "loud loud"]
