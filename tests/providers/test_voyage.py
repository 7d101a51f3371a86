"""What is voyageai's own: two sellers by the key, models inside the program, pixels, results that cannot be made."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from genmeter import names
from genmeter.metering.families.voyage import LOCAL, server
from genmeter.pricing import Catalogue
from tests.metering.rig import one_call
from tests.stub import Exact, Reply, StubServer

from .conftest import Metering
from .contract import NEEDLE
from .sdks.voyage import SDK, VERSION, client

pytestmark = [
    pytest.mark.skipif(SDK.version is None, reason="voyageai is not installed here"),
    pytest.mark.xdist_group("sdk-voyage"),
]
LATER = pytest.mark.skipif(VERSION < (0, 5), reason="older versions have one address and no such models")


@LATER
@pytest.mark.parametrize(("key", "host"), [("pa-1", "api.voyageai.com"), ("al-1", "ai.mongodb.com")])
def test_the_key_says_who_sells(key: str, host: str) -> None:
    import voyageai

    assert server(voyageai.Client(api_key=key)).url == f"https://{host}/v1"
    assert Catalogue.bundled().seller(host, "/v1") == ("voyageai", "voyageai", None)


@LATER
def test_a_model_inside_the_program_is_no_call(stub: StubServer, metering: Metering) -> None:
    import voyageai  # noqa: F401

    meter = metering(SDK)
    (model, *_) = sys.modules[LOCAL].LOCAL_MODELS
    with pytest.raises(Exception):  # noqa: B017, PT011  # the packages that such a model needs are not installed
        client(stub.url).embed([NEEDLE], model=model)
    assert meter.spans == [] and stub.requests == []


@LATER
def test_pixels_leave_the_bill_partial_or_unpriced_by_their_name(stub: StubServer, metering: Metering) -> None:
    meter = metering(SDK)
    client(stub.url).multimodal_embed(inputs=[[NEEDLE]], model="voyage-3.5")
    attributes = one_call(meter)
    assert attributes[names.COST_STATUS] == "partial"
    assert "image_pixels" in attributes[names.COST_DETAIL]


def test_a_result_that_the_sdk_cannot_make_is_billed(stub: StubServer, metering: Metering) -> None:
    stub.script("/rerank", Reply(body=lambda _, body: {**body, "data": [{"index": 5, "relevance_score": 1.0}]}))
    meter = metering(SDK)
    with pytest.raises(IndexError):
        client(stub.url).rerank(NEEDLE, ["y"], model="rerank-2.5")
    attributes = one_call(meter)
    assert (attributes[names.ERROR_TYPE], attributes[names.INPUT_TOKENS]) == ("IndexError", 26)


def test_a_client_without_a_model_names_the_one_that_answered(stub: StubServer, metering: Metering) -> None:
    stub.script("/embeddings", Reply(usage=Exact({"total_tokens": 4})))
    meter = metering(SDK)
    client(stub.url).embed([NEEDLE])
    attributes: Any = one_call(meter)
    assert names.REQUEST_MODEL not in attributes
    assert attributes[names.RESPONSE_MODEL] and attributes[names.INPUT_TOKENS] == 4


def test_the_reader_of_dictionaries_takes_no_attributes_for_fields() -> None:
    """The answers of this SDK are dictionaries that keep, as an attribute, what they were made of."""
    from genmeter.metering.dialects.values import fields

    made = type("Answer", (dict,), {})(usage=1)
    made._previous = SimpleNamespace()
    assert fields(made) == {"usage": 1}
