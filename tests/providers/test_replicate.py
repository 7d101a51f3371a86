"""What is replicate's own: predictions that fail or are waited for, the package's functions, models in many spellings."""

from __future__ import annotations

from typing import Any

import pytest

from genmeter import names
from tests.metering.rig import one_call
from tests.stub import Reply, StubServer

from .conftest import Metering
from .contract import NEEDLE
from .sdks.replicate import MODEL, SDK, client

pytestmark = [
    pytest.mark.skipif(SDK.version is None, reason="replicate is not installed here"),
    pytest.mark.xdist_group("sdk-replicate"),
]
ASKED: Any = {"prompt": NEEDLE}


def test_a_prediction_that_fails_is_billed_for_what_it_counted(stub: StubServer, metering: Metering) -> None:
    stub.script("/predictions", Reply(body=lambda _, body: {**body, "status": "failed", "error": "out of memory"}))
    meter = metering(SDK)
    with pytest.raises(Exception, match="out of memory"):
        client(stub.url).run(MODEL, input=ASKED, wait=True)
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "replicate.ModelError"
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (26, 259)


def test_a_prediction_that_is_waited_for_is_one_call_with_what_its_last_state_counted(
    stub: StubServer, metering: Metering
) -> None:
    meter = metering(SDK)
    client(stub.url).run(MODEL, input=ASKED, wait=False)
    assert [request.method for request in stub.requests] == ["POST", "GET"]
    assert one_call(meter)[names.OUTPUT_TOKENS] == 259


def test_a_method_that_was_bound_before_genmeter_is_metered_as_the_packages_functions_are(
    stub: StubServer, metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``replicate.run`` is such a method, bound while the package is imported; its server is in the environment."""
    from replicate.client import Client

    monkeypatch.setenv("REPLICATE_BASE_URL", f"{stub.url}/replicate")
    run = Client(api_token="stub").run
    meter = metering(SDK)
    run(MODEL, input=ASKED, wait=True)
    attributes = one_call(meter)
    assert attributes[names.SERVER_PORT] == int(stub.url.rpartition(":")[2])
    assert attributes[names.OUTPUT_TOKENS] == 259


def test_seconds_of_a_machine_are_no_tokens_and_leave_the_call_without_a_price(
    stub: StubServer, metering: Metering
) -> None:
    stub.script(
        "/predictions", Reply(body=lambda _, body: {**body, "metrics": {"predict_time": 2.4}, "output": [b"x".hex()]})
    )
    meter = metering(SDK)
    client(stub.url).run(MODEL, input=ASKED, wait=True)
    attributes = one_call(meter)
    assert names.INPUT_TOKENS not in attributes and names.COST_AMOUNT not in attributes
    assert attributes[names.COST_STATUS] == "unpriced"
