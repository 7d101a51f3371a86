"""What is ai21's own: clients for the clouds, which sell its models themselves, and streams in the form of Stainless's."""

from __future__ import annotations

from typing import Any

import pytest

from genmeter import names
from genmeter.metering.families.plain import kept_server
from genmeter.pricing import Catalogue
from tests.metering.rig import one_call
from tests.stub import Reply, StubServer

from .conftest import Metering
from .sdks.ai21 import ASK, SDK, client

pytestmark = [
    pytest.mark.skipif(SDK.version is None, reason="ai21 is not installed here"),
    pytest.mark.xdist_group("sdk-ai21"),
]


def test_the_client_of_a_cloud_sells_for_the_cloud() -> None:
    from ai21 import AI21BedrockClient, AI21Client

    book = Catalogue.bundled()
    for made, host, seller in (
        (AI21Client(api_key="stub"), "api.ai21.com", ("ai21", "ai21", None)),
        (
            AI21BedrockClient(region="eu-west-1"),
            "bedrock-runtime.eu-west-1.amazonaws.com",
            ("aws", "aws.bedrock", "eu-west-1"),
        ),
    ):
        assert kept_server(made.chat.completions).url.startswith(f"https://{host}")
        assert book.seller(host, "") == seller


def test_an_answer_that_the_sdk_cannot_read_is_billed(stub: StubServer, metering: Metering) -> None:
    stub.script("/chat/completions", Reply(body=lambda _, body: {**body, "choices": "none"}))
    meter = metering(SDK)
    with pytest.raises(ValueError, match="choices"):
        client(stub.url).chat.completions.create(**ASK.arguments)
    attributes: Any = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "pydantic_core.ValidationError"
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (107, 94)
    assert attributes[names.COST_STATUS] == "priced"
