"""Failures: the app gets the exception of the bare SDK, and the record tells one kind from another."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from opentelemetry.trace import StatusCode

from genmeter import names
from tests.metering.rig import one_call
from tests.stub import Reply, StubServer

from .acting import act
from .conftest import Metering
from .contract import Sdk
from .listed import Case, each, every_sdk, plain_cases
from .test_calls import tokens_of


def refusals(sdk: Sdk) -> Iterator[tuple[Case, int]]:
    return ((case, status) for case in plain_cases(sdk) for status in sdk.errors)


@each(which=refusals, names="case, status")
def test_a_refused_call_raises_as_ever_and_its_record_says_why(
    case: Case, status: int, stub: StubServer, metering: Metering
) -> None:
    # More than the two calls need: where we asked for usage, the SDK's call is made again without the question.
    stub.script(case.call.wire, *[Reply(status=status)] * 4)
    bare = act(case, stub.url)
    assert (bare[0] == "raised") is case.sdk.raises, bare
    meter = metering(case.sdk)
    assert act(case, stub.url) == bare
    attributes = one_call(meter)
    assert meter.span.status.status_code is StatusCode.ERROR
    assert attributes[names.ERROR_TYPE] == case.sdk.errors[status]
    assert tokens_of(attributes) == {}
    assert names.COST_AMOUNT not in attributes


@each(which=every_sdk, names="sdk")
def test_kinds_of_refusals_are_told_apart(sdk: Sdk) -> None:
    assert {400, 429} <= set(sdk.errors)
    assert len(set(sdk.errors.values())) == len(sdk.errors)


@each(which=plain_cases)
def test_a_server_that_is_not_there_is_a_failed_call(case: Case, metering: Metering) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        bare = act(case, url)
        meter = metering(case.sdk)
        assert act(case, url) == bare
    assert bare[0] == "raised"
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE]
    assert tokens_of(attributes) == {}
