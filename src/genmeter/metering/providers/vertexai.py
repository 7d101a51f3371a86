"""The ``vertexai`` package of google-cloud-aiplatform, and the generated clients below it: Vertex AI by gRPC or REST."""

from __future__ import annotations

from ..dialects.gemini_proto import GEMINI_PROTO, GEMINI_PROTO_STREAM
from ..families.google import GAPIC
from ..spec import Dialect, Provider, Target


def _twins(version: str, method: str, dialect: Dialect) -> tuple[Target, Target]:
    service = f"google.cloud.aiplatform_{version}.services.prediction_service"
    asked = ("request",)
    return (
        Target(f"{service}.client", f"PredictionServiceClient.{method}", dialect, arguments=asked),
        Target(
            f"{service}.async_client", f"PredictionServiceAsyncClient.{method}", dialect, awaited=True, arguments=asked
        ),
    )


VERTEXAI = Provider(
    sdk="vertexai",
    name="gcp.vertex_ai",
    family=GAPIC,
    targets=tuple(
        target
        for version in ("v1", "v1beta1")
        for target in (
            *_twins(version, "generate_content", GEMINI_PROTO),
            *_twins(version, "stream_generate_content", GEMINI_PROTO_STREAM),
        )
    ),
)
