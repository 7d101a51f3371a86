"""Who bills is known from the address, the provider's name or an alias, and from nothing else."""

from __future__ import annotations

import logging

import pytest

from genmeter.model import Seller
from genmeter.pricing import Addresses, Catalogue, parse

HOSTS = [
    ("api.openai.com", "", Seller("openai", "openai")),
    ("API.OpenAI.com:443", "/v1/chat/completions", Seller("openai", "openai")),
    ("us.api.openai.com", "", Seller("openai", "openai", "us")),
    ("eu.api.openai.com", "", Seller("openai", "openai", "eu")),
    ("contoso.openai.azure.com", "/openai/deployments/x", Seller("azure", "azure.ai.openai")),
    ("contoso.cognitiveservices.azure.com", "", Seller("azure", "azure.ai.openai")),
    ("contoso.services.ai.azure.com", "/models/chat", Seller("azure", "azure.ai.inference")),
    ("contoso.services.ai.azure.com", "/openai/v1", Seller("azure", "azure.ai.openai")),
    ("api.anthropic.com", "", Seller("anthropic", "anthropic")),
    ("bedrock-runtime.us-east-1.amazonaws.com", "", Seller("aws", "aws.bedrock", "us-east-1")),
    ("bedrock-runtime-fips.us-west-2.amazonaws.com", "", Seller("aws", "aws.bedrock", "us-west-2")),
    ("generativelanguage.googleapis.com", "/v1beta/openai/", Seller("google", "gcp.gemini")),
    ("aiplatform.googleapis.com", "", Seller("vertex", "gcp.vertex_ai")),
    ("us-central1-aiplatform.googleapis.com", "", Seller("vertex", "gcp.vertex_ai", "us-central1")),
    ("aiplatform.eu.rep.googleapis.com", "", Seller("vertex", "gcp.vertex_ai", "eu")),
    ("api.cohere.com", "", Seller("cohere", "cohere")),
    ("api.mistral.ai", "", Seller("mistral", "mistral_ai")),
    ("api.groq.com", "", Seller("groq", "groq")),
    ("api.deepseek.com", "/anthropic", Seller("deepseek", "deepseek")),
    ("api.perplexity.ai", "", Seller("perplexity", "perplexity")),
    ("api.x.ai", "", Seller("x-ai", "x_ai")),
    ("us.api.x.ai", "", Seller("x-ai", "x_ai", "us")),
    ("us-south.ml.cloud.ibm.com", "", Seller("ibm-watsonx", "ibm.watsonx.ai", "us-south")),
    ("api.moonshot.ai", "", Seller("moonshotai", "moonshot_ai")),
    ("openrouter.ai", "/api/v1", Seller("openrouter", "openrouter")),
    ("api.together.xyz", "", Seller("together", "together")),
    ("api.fireworks.ai", "", Seller("fireworks", "fireworks")),
    ("router.huggingface.co", "/groq/openai/v1", Seller("huggingface_groq", "huggingface_groq")),
]


@pytest.mark.parametrize(("host", "path", "seller"), HOSTS)
def test_a_known_address_has_a_seller(host: str, path: str, seller: Seller) -> None:
    assert Catalogue.bundled().seller(host, path) == seller


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:8000", "llm.internal", "", "api.openai.com.evil.example", "evil-api.openai.com.example",
     "xapi.openai.com", "a.b.api.openai.com", "openai.azure.com", "x" * 5000],
)  # fmt: skip
def test_an_address_that_nobody_knows_has_no_seller(host: str) -> None:
    assert Catalogue.bundled().seller(host) is None


@pytest.mark.parametrize(
    ("name", "seller"),
    [("openai", "openai"), ("azure.ai.openai", "azure"), ("azure.ai.inference", "azure"), ("anthropic", "anthropic"),
     ("aws.bedrock", "aws"), ("gcp.gemini", "google"), ("gcp.vertex_ai", "vertex"), ("cohere", "cohere"),
     ("mistral_ai", "mistral"), ("groq", "groq"), ("deepseek", "deepseek"), ("perplexity", "perplexity"),
     ("x_ai", "x-ai"), ("ibm.watsonx.ai", "ibm-watsonx"), ("moonshot_ai", "moonshotai"), ("openrouter", "openrouter")],
)  # fmt: skip
def test_every_provider_name_of_the_conventions_is_known_and_kept(name: str, seller: str) -> None:
    assert Catalogue.bundled().named(name) == Seller(seller, name)


@pytest.mark.parametrize("name", ["litellm", "", "vllm", None, 5, ["openai"]])
def test_an_unknown_name_has_no_seller(name: object) -> None:
    assert Catalogue.bundled().named(name) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("named", "prices", "words"),
    [
        ({"h.example": "opnai"}, "acme", ["calls to h.example get no price: no seller 'opnai'; did you mean 'openai'?"]),
        ({"h.example": "qqqq"}, "acme", ["calls to h.example get no price: no seller 'qqqq'; the sellers are acme, ai21, anthr"]),
        ({"h.example": "acme"}, "opnai", ["calls to h.example get no price: no seller 'acme'", "[prices.opnai] is no seller of the"]),
        ({"h.example": "opnai"}, "opnai", []),
        ({"h.example": "acme", "i.example": "azure.ai.openai"}, "acme", []),
    ],
)  # fmt: skip
def test_a_seller_that_no_price_knows_is_told_with_the_nearest_name(
    named: dict[str, str], prices: str, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    own = parse({prices: {"m": {"input": "1", "output": "1"}}}, "genmeter.toml", "")
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        Addresses(named, Catalogue.bundled().with_overrides(own))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(words) and all(want in got for want, got in zip(words, said, strict=True)), said


def test_the_memory_of_addresses_is_bounded() -> None:
    catalogue = Catalogue.bundled()
    for number in range(10_000):
        catalogue.seller(f"host{number}.example")
    assert len(catalogue._sold) <= 4096
