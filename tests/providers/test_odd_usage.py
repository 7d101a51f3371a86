"""Usage as servers send it and references do not show it: nothing is made up, and the app sees what the SDK makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genmeter import names
from tests.metering.rig import one_call
from tests.stub import Reply, StubServer
from tests.stub.script import Exact

from .acting import act
from .conftest import Metering
from .contract import Odd, Sdk
from .listed import Case, each, plain_cases
from .test_calls import tokens_of


def odd_cases(sdk: Sdk) -> Iterator[tuple[Case, Odd]]:
    return ((case, odd) for case in plain_cases(sdk) for odd in sdk.odd)


@each(which=odd_cases, names="case, odd")
def test_odd_usage_is_read_as_far_as_it_can_be_believed(
    case: Case, odd: Odd, stub: StubServer, metering: Metering
) -> None:
    reply = Reply(usage=None if odd.usage is None else Exact(odd.usage))
    stub.script(case.call.wire, reply, reply)
    bare = act(case, stub.url)
    meter = metering(case.sdk)
    assert act(case, stub.url) == bare
    attributes = one_call(meter)
    if odd.tokens is not None:
        assert tokens_of(attributes) == odd.tokens
    if odd.reason is not None and not isinstance(case.expected.cost, str):  # else the model has no price anyway
        assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", odd.reason)


def whole_cases(sdk: Sdk) -> list[Case]:
    return [case for case in plain_cases(sdk) if not case.streamed]


@each(which=whole_cases)
def test_fields_that_nobody_knows_change_nothing(case: Case, stub: StubServer, metering: Metering) -> None:
    def grown(_: Any, body: Any) -> Any:
        return {**body, "zz_new": {"zz_tokens": 5}, "zz_list": [None, 1, {"zz": []}]}

    stub.script(case.call.wire, Reply(body=grown), Reply(body=grown))
    bare = act(case, stub.url)
    meter = metering(case.sdk)
    assert act(case, stub.url) == bare
    assert tokens_of(one_call(meter)) == case.expected.tokens
