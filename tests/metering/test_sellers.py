"""The SDK is not the seller: who bills comes from the user, the address, then the client's class."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from genmeter import names
from genmeter.metering.endpoints import Endpoints
from genmeter.metering.providers.anthropic import ANTHROPIC as ANTHROPIC_SDK
from genmeter.metering.providers.openai import OPENAI as OPENAI_SDK
from genmeter.metering.spec import Endpoint, Provider, Server
from genmeter.pricing import Catalogue
from genmeter.settings import Settings
from tests.stub import StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import MICRO, one_call
from .sdk import AWS, CHAT, CLAUDE, GOOGLE

AZURE: Any = {"api_key": "x", "api_version": "2025-04-01-preview"}


def at(url: str) -> Callable[[], Any]:
    """OpenAI's client pointed elsewhere."""
    return lambda: openai.OpenAI(api_key="x", base_url=url)


CLIENTS: list[tuple[str, str | None, Callable[[], Any]]] = [
    ("openai", "openai", lambda: openai.OpenAI(api_key="x")),
    ("openai", "openai", lambda: openai.AsyncOpenAI(api_key="x")),
    ("azure.ai.openai", "azure", lambda: openai.AzureOpenAI(**AZURE, azure_endpoint="https://acme.openai.azure.com")),
    (
        "azure.ai.openai",
        "azure",
        lambda: openai.AsyncAzureOpenAI(**AZURE, azure_endpoint="https://acme.openai.azure.com"),
    ),
    ("azure.ai.openai", "azure", lambda: openai.AzureOpenAI(**AZURE, azure_endpoint="https://llm.acme.example")),
    ("azure.ai.openai", "azure", at("https://acme.openai.azure.com/openai/v1/")),
    ("deepseek", "deepseek", at("https://api.deepseek.com")),
    ("deepseek", "deepseek", at("https://api.deepseek.com/v1")),
    ("x_ai", "x-ai", at("https://api.x.ai/v1")),
    ("openrouter", "openrouter", at("https://openrouter.ai/api/v1")),
    ("groq", "groq", at("https://api.groq.com/openai/v1")),
    ("together", "together", at("https://api.together.xyz/v1")),
    ("together", "together", at("https://api.together.ai/v1")),
    ("fireworks", "fireworks", at("https://api.fireworks.ai/inference/v1")),
    ("mistral_ai", "mistral", at("https://api.mistral.ai/v1")),
    ("perplexity", "perplexity", at("https://api.perplexity.ai")),
    ("moonshot_ai", "moonshotai", at("https://api.moonshot.ai/v1")),
    ("gcp.gemini", "google", at("https://generativelanguage.googleapis.com/v1beta/openai/")),
    ("anthropic", "anthropic", lambda: anthropic.Anthropic(api_key="x")),
    ("aws.bedrock", "aws", lambda: anthropic.AnthropicBedrock(**AWS)),
    ("aws.bedrock", "aws", lambda: anthropic.AnthropicBedrock(**AWS, base_url="http://localhost:9999")),
    ("gcp.vertex_ai", "vertex", lambda: anthropic.AnthropicVertex(**GOOGLE)),
    ("gcp.vertex_ai", "vertex", lambda: anthropic.AnthropicVertex(**{**GOOGLE, "region": "us-east5"})),
    ("openai", None, at("https://llm.acme.example/v1")),
    ("openai", None, at("http://localhost:8000/v1")),
    ("openai", None, at("https://api.openai.com.evil.example/v1")),
    ("openai", None, at("https://notapi.openai.com/v1")),
]


def endpoint_of(endpoints: Endpoints, provider: Provider, client: Any) -> Endpoint:
    return endpoints.find(provider, Server(client, client.base_url))


@pytest.mark.parametrize(("name", "seller", "make"), CLIENTS)
def test_a_client_resolves_to_who_bills_it(name: str, seller: str | None, make: Callable[[], Any]) -> None:
    """``gen_ai.provider.name`` and the seller of the catalogue; an address nobody knows has no seller."""
    client = make()
    provider = OPENAI_SDK if type(client).__module__.startswith("openai") else ANTHROPIC_SDK
    endpoint = endpoint_of(Endpoints(Settings(), Catalogue.bundled()), provider, client)
    assert (endpoint.seller.name, endpoint.seller.id) == (name, seller)
    assert endpoint.address == client.base_url.host


def test_regions_come_from_the_address() -> None:
    """Bedrock and Vertex sell by region."""
    endpoints = Endpoints(Settings(), Catalogue.bundled())
    bedrock = endpoint_of(endpoints, ANTHROPIC_SDK, anthropic.AnthropicBedrock(**AWS))
    vertex = endpoint_of(endpoints, ANTHROPIC_SDK, anthropic.AnthropicVertex(**{**GOOGLE, "region": "us-east5"}))
    assert (bedrock.seller.region, vertex.seller.region) == ("eu-north-1", "us-east5")
    assert endpoint_of(endpoints, ANTHROPIC_SDK, anthropic.AnthropicVertex(**GOOGLE)).seller.region is None


def test_port_443_is_named_and_a_changed_base_url_is_seen() -> None:
    """The port of https is written too; a client that is pointed elsewhere is another endpoint."""
    endpoints = Endpoints(Settings(), Catalogue.bundled())
    client = openai.OpenAI(api_key="x")
    assert endpoint_of(endpoints, OPENAI_SDK, client).port == 443
    client.base_url = "https://api.deepseek.com"
    assert endpoint_of(endpoints, OPENAI_SDK, client).seller.name == "deepseek"


def test_the_longest_address_that_the_user_named_wins() -> None:
    """[sellers]: host, host:port and host/path; also against what the catalogue knows."""
    settings = Settings(sellers={"gw.example": "openai", "gw.example/claude": "anthropic", "api.openai.com": "azure"})
    endpoints = Endpoints(settings, Catalogue.bundled())

    def name(url: str) -> str:
        return endpoint_of(endpoints, OPENAI_SDK, openai.OpenAI(api_key="x", base_url=url)).seller.name

    assert name("https://gw.example/v1") == "openai"
    assert name("https://gw.example/claude/v1") == "anthropic"
    assert name("https://gw.example:8443/v1") == "openai"
    assert name("https://api.openai.com/v1") == "azure.ai.openai"
    assert name("https://gw.example.org/v1") == "openai"  # the SDK's own, as nobody knows it


@pytest.mark.parametrize("seller", ["deepseek", "x_ai", "groq", "mistral_ai"])
def test_a_call_through_a_named_seller_carries_its_name(seller: str, stub: StubServer, meters: MeterFactory) -> None:
    """A real call: the span and its metrics say who bills."""
    meter = meters(sellers={stub.url.removeprefix("http://"): seller})
    with make_client("openai", stub, asynchronous=False) as client:
        client.chat.completions.create(**CHAT)
    assert one_call(meter)[names.PROVIDER] == seller
    (point,) = meter.points(names.INFERENCE_DURATION)
    assert point.attributes[names.PROVIDER] == seller


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_azure_is_known_by_its_client(asynchronous: bool, stub: StubServer, meters: MeterFactory) -> None:
    """AzureOpenAI at any address is Azure; the model is that of the answer, the deployment's name tells nothing.

    Azure's gpt-4o costs what OpenAI's does, 2.50 / 10, where a deployment's model is known: 19 × 2.5 + 10 × 10.
    """
    import asyncio

    meter = meters(sellers={})
    client = make_client("azure", stub, asynchronous=asynchronous)
    ask = {**CHAT, "model": "our-deployment"}

    async def run() -> None:
        await client.chat.completions.create(**ask)

    asyncio.run(run()) if asynchronous else client.chat.completions.create(**ask)
    attributes = one_call(meter)
    assert attributes[names.PROVIDER] == "azure.ai.openai"
    assert attributes[names.REQUEST_MODEL] == "our-deployment"
    assert attributes[names.RESPONSE_MODEL] == "gpt-4o-2024-08-06"
    assert attributes[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO, rel=1e-12)


def test_an_unknown_host_is_metered_in_tokens_and_left_unpriced(
    stub: StubServer, meters: MeterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens yes, cost no, the reason, and one line that says how to name the seller."""
    meter = meters(sellers={})
    with caplog.at_level(logging.WARNING, logger="genmeter"), make_client("openai", stub, asynchronous=False) as client:
        client.chat.completions.create(**CHAT)
        attributes = one_call(meter)
        client.chat.completions.create(**CHAT)
    assert attributes[names.PROVIDER] == "openai"
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (19, 10)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "unknown_provider")
    assert names.COST_AMOUNT not in attributes and names.COST_TOTAL not in attributes
    said = [record.getMessage() for record in caplog.records if record.name == "genmeter"]
    assert len(said) == 1
    host = stub.url.removeprefix("http://")
    assert f'GENMETER_SELLERS="{host}=openai"' in said[0] and "[sellers]" in said[0] and "\n" not in said[0]
    (point,) = meter.points(names.CALLS_UNPRICED)
    assert point.value == 2 and names.COST_USD not in meter.collect()


def test_bedrocks_global_profile_costs_the_list_price(stub: StubServer, meters: MeterFactory) -> None:
    """Haiku 4.5 through the global profile, 1 / 5 and no tenth on top: 25 × 1 + 15 × 5 = 100.

    The answer names the model without the profile, so the profile must be taken from the request.
    """
    meter = meters(sellers={})
    with make_client("bedrock", stub, asynchronous=False) as client:
        client.messages.create(**{**CLAUDE, "model": "global.anthropic.claude-haiku-4-5-20251001-v1:0"})
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(100 * MICRO, rel=1e-12)
