"""The ``google-genai`` package: the Gemini API, and Vertex AI by the same client.

The public methods call these once for each request: continuations and automatic function calls are requests of their own.
"""

from __future__ import annotations

from ..dialects.gemini import GEMINI, GEMINI_STREAM
from ..dialects.gemini_interactions import GEMINI_DECISIONS, GEMINI_INTERACTIONS
from ..dialects.gemini_media import GEMINI_EMBEDDINGS, GEMINI_IMAGES
from ..families.door import arrivals
from ..families.google import GENAI, INTERACTIONS
from ..spec import Provider, both

MODELS = "google.genai.models"
GENERATED = "google.genai._gaos"
GENERATED_1 = "google.genai._interactions"
"""The interactions of 1.x."""

GOOGLE = Provider(
    sdk="google.genai",
    name="gcp.gemini",
    family=GENAI,
    targets=(
        *both(MODELS, "Models", "_generate_content", GEMINI, above=["generate_content"]),
        *both(MODELS, "Models", "_generate_content_stream", GEMINI_STREAM, above=["generate_content_stream"]),
        *both(MODELS, "Models", "_embed_content", GEMINI_EMBEDDINGS, above=["embed_content"]),
        *both(MODELS, "Models", "_generate_images", GEMINI_IMAGES, above=["generate_images"]),
        *both(MODELS, "Models", "_edit_image", GEMINI_IMAGES, above=["edit_image"]),
        *both(MODELS, "Models", "_upscale_image", GEMINI_IMAGES, above=["upscale_image"]),
        *both(MODELS, "Models", "recontext_image", GEMINI_IMAGES),
    ),
    error_by_status=True,
)
GOOGLE_INTERACTIONS = Provider(
    sdk="google.genai.interactions",
    name="gcp.gemini",
    family=INTERACTIONS,
    targets=(
        *both(f"{GENERATED}.interactions", "Interactions", "create", GEMINI_INTERACTIONS),
        *both(f"{GENERATED}.decisions", "Decisions", "create", GEMINI_DECISIONS),
        *both(f"{GENERATED_1}.resources.interactions", "InteractionsResource", "create", GEMINI_INTERACTIONS),
    ),
    arrivals=arrivals(f"{GENERATED_1}._base_client"),
    error_by_status=True,
)
