"""The ``google-genai`` package: the Gemini API, and Vertex AI by the same client.

The public methods call these once for each request: continuations and automatic function calls are requests of their own.
"""

from __future__ import annotations

from typing import Any

from ..dialects.gemini import GEMINI, GEMINI_STREAM
from ..dialects.gemini_interactions import GEMINI_DECISIONS, GEMINI_INTERACTIONS
from ..dialects.gemini_media import GEMINI_EMBEDDINGS, GEMINI_IMAGES
from ..families import speakeasy
from ..families.door import arrivals
from ..families.plain import PLAIN
from ..families.stainless import STAINLESS
from ..spec import Provider, Server, both

MODELS = "google.genai.models"


def server(instance: Any) -> Server:
    """The API client that all parts of a client share. Behind an address of the app's own its mode tells who bills."""
    client = instance._api_client
    return Server(client, client._http_options.base_url, mode="gcp.vertex_ai" if client.vertexai else None)


def generated_server(instance: Any) -> Server:
    """The client inside the package for interactions and decisions; its version of the API has Vertex AI's project."""
    found = speakeasy.server(instance)
    vertex = "/projects/" in str(found.owner.globals.api_version)
    return found._replace(mode="gcp.vertex_ai" if vertex else None)


GOOGLE = Provider(
    sdk="google.genai",
    name="gcp.gemini",
    family=PLAIN,
    targets=(
        *both(MODELS, "Models", "_generate_content", GEMINI, above=["generate_content"]),
        *both(MODELS, "Models", "_generate_content_stream", GEMINI_STREAM, above=["generate_content_stream"]),
        *both(MODELS, "Models", "_embed_content", GEMINI_EMBEDDINGS, above=["embed_content"]),
        *both(MODELS, "Models", "_generate_images", GEMINI_IMAGES, above=["generate_images"]),
        *both(MODELS, "Models", "_edit_image", GEMINI_IMAGES, above=["edit_image"]),
        *both(MODELS, "Models", "_upscale_image", GEMINI_IMAGES, above=["upscale_image"]),
        *both(MODELS, "Models", "recontext_image", GEMINI_IMAGES),
    ),
    server=server,
    error_by_status=True,
)

# The interactions are clients of their own inside the package, which other makers generated: Stainless until 1.x.
GOOGLE_INTERACTIONS = Provider(
    sdk="google.genai",
    name="gcp.gemini",
    family=speakeasy.SPEAKEASY,
    targets=(
        *both("google.genai._gaos.interactions", "Interactions", "create", GEMINI_INTERACTIONS),
        *both("google.genai._gaos.decisions", "Decisions", "create", GEMINI_DECISIONS),
    ),
    server=generated_server,
    error_by_status=True,
)
GOOGLE_INTERACTIONS_1 = Provider(
    sdk="google.genai",
    name="gcp.gemini",
    family=STAINLESS,
    targets=both(
        "google.genai._interactions.resources.interactions",
        "InteractionsResource",
        "create",
        GEMINI_INTERACTIONS,
    ),
    arrivals=arrivals("google.genai._interactions._base_client"),
)
