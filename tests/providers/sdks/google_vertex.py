"""google-genai on Vertex AI, whose clients tell themselves who sells; the counts are those of ``google``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Sdk, installed
from . import google

MODEL = "publishers/google/models/gemini-2.5-flash"
GENERATED = replace(google.GENERATED, provider="gcp.vertex_ai")
NEW = (installed("google-genai") or (0,)) >= (2, 0)
"""Version 2 asks embedContent for what version 1 asks predict for, which counts each text, as a double on the wire."""
# 0.15: 8 × 0.15
TOKENS = {"input": 8, "text_input": 8} if NEW else {"input": 8}
EMBEDDED = Expected("embeddings", "gcp.vertex_ai", "gemini-embedding-001", None, TOKENS, cost=1.2)
# Imagen has no published price any more; newer models make images by generate_content.
DRAWN = Expected(
    "generate_content", "gcp.vertex_ai", "imagen-4.0-generate-001", None, {"images": 1}, cost="unknown_model"
)
ASK = At("models.generate_content", {"model": MODEL, "contents": NEEDLE})
EMBED = At("models.embed_content", {"model": "gemini-embedding-001", "contents": "x"})
DRAW = At("models.generate_images", {"model": "imagen-4.0-generate-001", "prompt": "a cat"})


def client(url: str, location: str = "global") -> Any:
    from google import genai
    from google.oauth2.credentials import Credentials

    return genai.Client(
        vertexai=True,
        project="my-project",
        location=location,
        credentials=Credentials(token="stub"),  # type: ignore[no-untyped-call]
        http_options={"base_url": f"{url}/vertexai"},
    )


def async_client(url: str) -> Any:
    return client(url).aio


SDK = Sdk(
    name="google-vertex",
    module="google.genai",
    distribution="google-genai",
    client=client,
    async_client=async_client,
    calls=(
        Call("generate", "", GENERATED, {"value": ASK}, {"stream": ASK.but(path="models.generate_content_stream")}),
        Call("embed", "", EMBEDDED, {"value": EMBED}),
        Call("images", ":predict", DRAWN, {"value": DRAW}),
    ),
    errors=google.SDK.errors,
    odd=google.SDK.odd,
)
