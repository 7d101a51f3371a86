"""Every call of every listed SDK in every way: the app gets what the bare SDK gives, and the call is one true record."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from genmeter import names
from tests.metering.rig import MICRO, Meter, one_call
from tests.stub import StubServer

from .acting import act
from .conftest import Metering
from .listed import Case, cases_of, each


@each(which=cases_of)
def test_a_call_is_one_true_record_and_the_app_sees_no_difference(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    bare = act(case, stub.url)
    assert bare[:1] != ["raised"], bare
    meter = metering(case.sdk)
    assert act(case, stub.url) == bare
    attributes = one_call(meter)
    check_start(case, meter, stub)
    assert meter.span.status.status_code is StatusCode.UNSET
    check_answer(case, attributes)
    check_price(case, attributes)


def check_start(case: Case, meter: Meter, stub: StubServer) -> None:
    """What a sampler sees when the span starts."""
    expected, model = case.expected, case.expected.request_model
    ((name, kind, seen),) = meter.sampler.seen
    assert (name, kind) == (f"{expected.operation} {model}" if model else expected.operation, SpanKind.CLIENT)
    assert (seen[names.OPERATION], seen[names.PROVIDER]) == (expected.operation, expected.provider)
    assert seen.get(names.REQUEST_MODEL) == model
    assert (seen[names.SERVER_ADDRESS], seen[names.SERVER_PORT]) == ("127.0.0.1", int(stub.url.rpartition(":")[2]))


def check_answer(case: Case, attributes: dict[str, Any]) -> None:
    """What came back."""
    expected = case.expected
    assert tokens_of(attributes) == expected.tokens
    assert attributes.get(names.RESPONSE_MODEL) == expected.response_model
    assert attributes.get(names.RESPONSE_ID) == expected.id
    assert tuple(attributes.get(names.FINISH_REASONS, ())) == expected.finish
    assert attributes.get(names.REQUEST_STREAM) is (True if case.streamed else None)
    assert (names.TIME_TO_FIRST_CHUNK in attributes) is case.streamed


def tokens_of(attributes: dict[str, Any]) -> dict[str, int]:
    """Unit → count, of the record of a call."""
    return {unit: attributes[name] for unit, name in names.USAGE_TOKENS.items() if name in attributes}


def check_price(case: Case, attributes: dict[str, Any]) -> None:
    """The bill, or the reason why there is none."""
    cost = case.expected.cost
    if isinstance(cost, str):
        assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", cost)
    elif cost is not None:
        assert attributes[names.COST_STATUS] == "priced"
        assert attributes[names.COST_AMOUNT] == pytest.approx(cost * MICRO, rel=1e-12)
