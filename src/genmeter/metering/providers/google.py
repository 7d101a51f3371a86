"""The ``google-genai`` package: the Gemini API, and Vertex AI by the same client.

The public methods call these once for each request: continuations and automatic function calls are requests of their own.
"""

from __future__ import annotations

from typing import Any

from ..dialects.gemini import GEMINI, GEMINI_STREAM
from ..dialects.gemini_media import GEMINI_EMBEDDINGS, GEMINI_IMAGES
from ..families.plain import PLAIN
from ..spec import Provider, Server, both

MODELS = "google.genai.models"


def server(instance: Any) -> Server:
    """The API client that all parts of a client share. Behind an address of the app's own its mode tells who bills."""
    client = instance._api_client
    return Server(client, client._http_options.base_url, mode="gcp.vertex_ai" if client.vertexai else None)


GOOGLE = Provider(
    sdk="google.genai",
    name="gcp.gemini",
    family=PLAIN,
    targets=(
        *both(MODELS, "Models", "_generate_content", GEMINI),
        *both(MODELS, "Models", "_generate_content_stream", GEMINI_STREAM),
        *both(MODELS, "Models", "_embed_content", GEMINI_EMBEDDINGS),
        *both(MODELS, "Models", "_generate_images", GEMINI_IMAGES),
        *both(MODELS, "Models", "_edit_image", GEMINI_IMAGES),
        *both(MODELS, "Models", "_upscale_image", GEMINI_IMAGES),
        *both(MODELS, "Models", "recontext_image", GEMINI_IMAGES),
    ),
    server=server,
    error_by_status=True,
    # Other instrumentors patch the public methods.
    watched=tuple(
        (MODELS, f"{owner}.{method}")
        for owner in ("Models", "AsyncModels")
        for method in ("generate_content", "generate_content_stream", "embed_content")
    ),
)
