"""Arguments stay the app's: nothing is read twice, nothing is changed, and a wrong one is refused as by the bare SDK."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tests.metering.rig import one_call
from tests.stub import StubServer

from .acting import act
from .conftest import Metering
from .contract import Sdk
from .listed import Case, cases_of, each, plain_cases
from .test_calls import tokens_of
from .test_identity import table_of


def once(items: Any) -> Iterator[Any]:
    """The items as a generator, which can be read only once."""
    yield from items


def iterable_cases(sdk: Sdk) -> list[Case]:
    return [case for case in plain_cases(sdk) if case.call.messages is not None]


@each(which=iterable_cases)
def test_a_generator_of_messages_is_read_by_the_sdk_alone(case: Case, stub: StubServer, metering: Metering) -> None:
    name = case.call.messages
    assert name is not None
    bare = act(case, stub.url, **{name: once(case.at.arguments[name])})
    sent = [request.body for request in stub.requests]
    for capture in ("NO_CONTENT", "SPAN_AND_EVENT"):
        meter = metering(case.sdk, content=capture)
        assert act(case, stub.url, **{name: once(case.at.arguments[name])}) == bare
        if bare[0] != "raised":
            # A call that is refused for the question is made again, which a generator does not allow: it is not asked.
            asked_for = case.streamed and table_of(case.sdk).usage_option is not None
            assert tokens_of(one_call(meter)) == ({} if asked_for else case.expected.tokens)
    if sent:
        assert asked(stub.requests[-1].body) == asked(sent[0])


def asked(body: Any) -> Any:
    """A request without the one thing that we add: the question for a stream's usage."""
    return {name: value for name, value in body.items() if name != "stream_options"}


@each(which=cases_of)
def test_the_arguments_of_the_app_are_not_changed(case: Case, stub: StubServer, metering: Metering) -> None:
    before = copy.deepcopy(dict(case.at.arguments))
    metering(case.sdk, content="SPAN_AND_EVENT")
    act(case, stub.url)
    assert dict(case.at.arguments) == before


@each(which=plain_cases)
def test_a_wrong_argument_is_refused_as_ever_and_a_call_that_was_not_sent_is_not_recorded(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    bare = act(case, stub.url, zz_no_such_argument=1)
    requests = len(stub.requests)
    meter = metering(case.sdk)
    assert act(case, stub.url, zz_no_such_argument=1) == bare
    sent = len(stub.requests) - requests
    assert len(meter.spans) == sent or (not case.sdk.refuses and bare[0] == "raised")
    assert sent or all(tokens_of(dict(span.attributes or {})) == {} for span in meter.spans)
