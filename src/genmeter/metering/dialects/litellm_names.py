"""LiteLLM's names of providers and models: who serves a call, as far as its arguments or its answer tell.

Source: https://docs.litellm.ai/docs/providers (read 2026-11-30), types of the litellm package 1.75 and 1.110.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, cast

from ...model import Served
from ..spec import Kwargs, Server

SDK = "litellm"
CLOUDS = {"azure": "azure", "azure_text": "azure", "azure_ai": "azure", "bedrock": "aws", "bedrock_converse": "aws",
          "sagemaker": "aws", "vertex_ai": "vertex", "vertex_ai_beta": "vertex"}  # fmt: skip
"""Names of clouds: the seller at an address of the customer's own is the cloud all the same."""
REGIONS = {"aws": "aws_region_name", "vertex": "vertex_location"}
"""The argument that says where in a cloud a call runs."""


def named(model: Any, provider: Any = None) -> tuple[str, str]:
    """The provider that LiteLLM would choose for a model, empty where it is not known, and the model's own name.

    It stands in the argument ``custom_llm_provider``, before the first slash, or in LiteLLM's table of models.
    """
    name = model if isinstance(model, str) else ""
    given = provider if isinstance(provider, str) else ""
    before, slash, after = name.partition("/")
    if slash and before in _table("litellm.types.utils", "LlmProviders", "_value2member_map_"):
        name, given = after, given or before
    elif not given:
        found = _table(SDK, "model_cost").get(name)
        given = str(cast("dict[str, Any]", found).get("litellm_provider", "")) if isinstance(found, dict) else ""
    given = "vertex_ai" if given.startswith("vertex_ai-") else given  # the table tells these models' makers apart
    if CLOUDS.get(given) == "aws" and "arn:" not in name:
        name = name.rpartition("/")[2]  # a route or a region may stand before the model: `converse/`, `us-east-1/`
    return given, name


def _table(module: str, *path: str) -> dict[str, Any]:
    """A table of LiteLLM's own; empty where this version has none."""
    found: Any = sys.modules.get(module)
    for name in path:
        found = getattr(found, name, None)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def served(provider: str, found: Mapping[str, Any]) -> Served:
    """Who serves the calls of a provider, as far as arguments or the hidden parameters of an answer tell.

    The provider's name says the seller where no address is known, and a cloud is the seller at any address.
    """
    url = found.get("api_base")
    cloud = CLOUDS.get(provider)
    if not isinstance(url, str) or not url:
        return Served(None, cloud or provider or None)
    return Served(url if "://" in url else f"https://{url}", cloud)


def server(arguments: Kwargs) -> Server:
    """Where the arguments of a call say that it goes."""
    provider, _ = named(arguments.get("model"), arguments.get("custom_llm_provider"))
    url, seller = served(provider, arguments)
    region = arguments.get(REGIONS.get(seller or "", ""))
    known = None if url else seller or SDK
    return Server(provider or SDK, url, known, seller, region if isinstance(region, str) else None)
