"""An answer that the SDK cannot make into what the app asked for was given all the same: it is billed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.trace import StatusCode
from pydantic import BaseModel, ValidationError

import genmeter
from genmeter import names
from genmeter.settings import BudgetTable
from tests.stub import Exact, Reply, Stream, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE, OPENAI, settled

HALF = '{"name": "Ann", "ag'
"""What a model wrote until its limit came."""


class Person(BaseModel):
    """What the app asks for."""

    name: str
    age: int


def calls(client: Any) -> dict[str, Any]:
    """Every way in which an SDK parses a whole answer into a class of the app's."""
    if isinstance(client, (anthropic.Anthropic, anthropic.AsyncAnthropic)):
        return {
            "messages.parse": lambda: client.messages.parse(**CLAUDE, output_format=Person),
            "beta.messages.parse": lambda: client.beta.messages.parse(**CLAUDE, output_format=Person),
        }
    found = {
        "chat.completions.parse": lambda: client.chat.completions.parse(**CHAT, response_format=Person),
        "responses.parse": lambda: client.responses.parse(model="gpt-4o", input="x", text_format=Person),
        "post": lambda: client.post(
            "/chat/completions", body=CHAT, cast_to=object, options={"post_parser": Person.model_validate}
        ),
    }
    if OPENAI < (2, 0):
        found["beta.chat.completions.parse"] = lambda: client.beta.chat.completions.parse(
            **CHAT, response_format=Person
        )
    return found


NAMES = {
    "openai": ["chat.completions.parse", "responses.parse", "post"],
    "anthropic": ["messages.parse", "beta.messages.parse"],
}
COSTS = {
    # gpt-4o 2.5 / 10: 19 × 2.5 + 10 × 10; responses 36 × 2.5 + 87 × 10; claude-sonnet-4-5 3 / 15: 25 × 3 + 15 × 15
    "chat.completions.parse": (19, 10, 147.5),
    "post": (19, 10, 147.5),
    "responses.parse": (36, 87, 960.0),
    "messages.parse": (25, 15, 300.0),
    "beta.messages.parse": (25, 15, 300.0),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in NAMES for name in NAMES[kind]])
def test_an_answer_that_cannot_be_parsed_is_billed(
    kind: str, name: str, asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """The whole price, the app's own exception unchanged, and an ERROR span that says which."""
    script(stub, name)

    async def run() -> None:
        async with make_client(kind, stub, asynchronous=True) as client:
            await calls(client)[name]()

    with pytest.raises(ValidationError) as caught:
        if asynchronous:
            asyncio.run(run())
        else:
            with make_client(kind, stub, asynchronous=False) as client:
                calls(client)[name]()
    assert caught.value.title == "Person"
    check(meter, name)
    assert meter.span.status.status_code is StatusCode.ERROR
    assert meter.attributes[names.ERROR_TYPE] == "pydantic_core.ValidationError"


def script(stub: StubServer, name: str, stream: bool = False) -> None:
    """The next answer has half a JSON object as its text."""
    path = "/messages" if "messages" in name else "/responses" if "responses" in name else "/chat/completions"
    stub.script(
        path, Stream(text=HALF) if stream else Reply(text=HALF, model="gpt-4o" if path == "/responses" else None)
    )


def check(meter: Meter, name: str) -> None:
    """The call is booked with all that it used."""
    attributes = one_call(meter)
    inputs, outputs, cost = COSTS[name]
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (inputs, outputs)
    assert attributes[names.COST_STATUS] == "priced"
    assert attributes[names.COST_AMOUNT] == pytest.approx(cost * MICRO, rel=1e-12)
    assert meter.total(names.COST_USD) == pytest.approx(cost * MICRO, rel=1e-12)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("view", ["with_raw_response", "with_streaming_response"])
def test_a_raw_response_that_the_app_fails_to_parse_is_billed(
    view: str, asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """``parse`` of the raw response raises in the app's hands, later than the call."""
    script(stub, "chat.completions.parse")

    def to() -> Any:
        return {"to": Strict}

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:
            create = getattr(client.chat.completions, view).create
            if view == "with_raw_response":
                await settled((await create(**CHAT)).parse(**to()))
            else:
                async with create(**CHAT) as response:
                    await response.parse(**to())

    def act() -> None:
        with make_client("openai", stub, asynchronous=False) as client:
            create = getattr(client.chat.completions, view).create
            if view == "with_raw_response":
                create(**CHAT).parse(**to())
            else:
                with create(**CHAT) as response:
                    response.parse(**to())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run()) if asynchronous else act()
    check(meter, "chat.completions.parse")


class Strict(openai.BaseModel):
    """A class of the app's that takes no answer."""

    @classmethod
    def build(cls, *, response: Any, data: Any) -> Any:
        """What the SDK calls for a class that makes itself."""
        raise ZeroDivisionError


def test_a_body_of_another_shape_is_billed(stub: StubServer, meter: Meter) -> None:
    """A client that validates what it gets refuses a body without an id, which has a usage object all the same."""
    usage = Exact(prompt_tokens=19, completion_tokens=10, total_tokens=29)
    stub.script("/chat/completions", Reply(body={"model": "gpt-4o", "choices": "none", "usage": dict(usage)}))
    with openai.OpenAI(base_url=stub.openai_url, api_key="x", _strict_response_validation=True) as client:
        with pytest.raises(openai.APIResponseValidationError):
            client.chat.completions.create(**CHAT)
    check(meter, "chat.completions.parse")


def test_a_body_that_is_no_json_has_no_usage(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """Unknown is not zero: the call failed, and nothing is known of what it used."""
    stub.script("/chat/completions", Reply(body="{", headers={"content-type": "application/json"}))
    with pytest.raises(ValueError):  # noqa: PT011  a JSONDecodeError of the standard library, or of another
        client.chat.completions.create(**CHAT)
    attributes = one_call(meter)
    assert names.INPUT_TOKENS not in attributes and names.COST_STATUS not in attributes


def helpers(client: Any) -> dict[str, Callable[[], Any]]:
    """Every helper that parses a stream's words into a class of the app's."""
    if isinstance(client, (anthropic.Anthropic, anthropic.AsyncAnthropic)):
        return {"messages.parse": lambda: client.messages.stream(**CLAUDE, output_format=Person)}
    asked = {"stream_options": {"include_usage": True}}
    return {
        "chat.completions.parse": lambda: client.chat.completions.stream(**CHAT, response_format=Person),
        "chat.completions, asked": lambda: client.chat.completions.stream(**CHAT, response_format=Person, **asked),
        "responses.parse": lambda: client.responses.stream(model="gpt-4o", input="x", text_format=Person),
    }


HELPERS = {
    "anthropic": ["messages.parse"],
    "openai": ["chat.completions.parse", "chat.completions, asked", "responses.parse"],
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in HELPERS for name in HELPERS[kind]])
def test_a_helper_that_fails_to_parse_a_stream_is_billed(
    kind: str, name: str, asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """The words are parsed before the usage comes: what ends the stream is read all the same, and the app's error stays."""
    script(stub, name.partition(",")[0], stream=True)

    async def run() -> None:
        async with make_client(kind, stub, asynchronous=True) as client:
            async with helpers(client)[name]() as events:
                async for _ in events:
                    pass

    def act() -> None:
        with make_client(kind, stub, asynchronous=False) as client:
            with helpers(client)[name]() as events:
                for _ in events:
                    pass

    with pytest.raises(ValidationError):
        asyncio.run(run()) if asynchronous else act()
    check(meter, name.replace(", asked", ".parse"))
    assert meter.attributes[names.ERROR_TYPE] == "pydantic_core.ValidationError"
    assert names.STREAM_CUT not in meter.attributes


def test_an_app_that_fails_over_a_stream_waits_for_no_more_of_it(stub: StubServer, meter: Meter) -> None:
    """What the app itself raises closes the stream at once, as without genmeter."""
    stub.script("/responses", Stream(n=50, gap=0.2))
    with make_client("openai", stub, asynchronous=False) as client, pytest.raises(ZeroDivisionError):
        with client.responses.stream(model="gpt-4o", input="x") as events:
            for _ in events:
                raise ZeroDivisionError
    assert one_call(meter)[names.STREAM_CUT] == "closed"


def test_a_budget_counts_what_could_not_be_parsed(stub: StubServer, meters: MeterFactory) -> None:
    """``on_exceed = "reject"``: the call after the one that spent the budget is not sent."""
    row = {"amount": "0.0001", "period": "quarter", "on_exceed": "reject"}
    meters(budgets=BudgetTable({"all": row}, "genmeter.toml", ""))
    script(stub, "chat.completions.parse")
    with make_client("openai", stub, asynchronous=False) as client:
        parse = calls(client)["chat.completions.parse"]
        with pytest.raises(ValidationError):
            parse()
        with pytest.raises(genmeter.BudgetExceeded) as caught:
            parse()
    assert caught.value.spent == Decimal("0.0001475")
    assert len(stub.requests) == 1
