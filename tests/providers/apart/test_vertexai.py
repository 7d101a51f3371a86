"""google-cloud-aiplatform: the ``vertexai`` package and the clients below it, against a real gRPC server of its own messages.

fireworks-ai before 1.0 brings a ``google/rpc/status.proto`` of its own, and a process takes one of that name.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

import genmeter
from genmeter import names
from genmeter.metering import guard
from genmeter.settings import Settings
from tests.metering.rig import MICRO, Meter, one_call

from ..contract import NEEDLE, installed

pytestmark = [
    pytest.mark.skipif(
        installed("google-cloud-aiplatform") is None, reason="google-cloud-aiplatform is not installed here"
    ),
    pytest.mark.filterwarnings("ignore"),
]
MODEL = "projects/my-project/locations/us-central1/publishers/google/models/gemini-2.5-flash"
VERSIONS = ("v1", "v1beta1")


def chunk(text: str, usage: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A GenerateContentResponse of https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference (read 2026-11-30)."""
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, **more}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}


# gemini-2.5-flash 0.30, audio 1.00 / 2.50: 10 × 0.3 + 1 × 1 + (70 + 3) × 2.5 = 3 + 1 + 182.5
USAGE: Any = {
    "promptTokenCount": 11, "candidatesTokenCount": 70, "thoughtsTokenCount": 3, "totalTokenCount": 84, "trafficType": "ON_DEMAND",
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}, {"modality": "AUDIO", "tokenCount": 1}],
}  # fmt: skip
WHOLE = chunk("The parcel is here.", USAGE, finishReason="STOP")
PIECES = [chunk("The parcel ", {"trafficType": "ON_DEMAND"}), chunk("is here.", USAGE, finishReason="STOP")]
MICROS = 186.5


@pytest.fixture
def address() -> Iterator[str]:
    """A server that speaks PredictionService in both versions of the API; it refuses the model ``limited``."""
    grpc = import_module("grpc")
    server = grpc.server(ThreadPoolExecutor(4))
    for version in VERSIONS:
        types = import_module(f"google.cloud.aiplatform_{version}.types")
        request, response = types.GenerateContentRequest, types.GenerateContentResponse

        def answer(body: Any, response: Any = response) -> bytes:
            return bytes(response.serialize(response.from_json(json.dumps(body), ignore_unknown_fields=True)))

        def generate(asked: Any, context: Any, answer: Callable[[Any], bytes] = answer) -> bytes:
            if asked.model.endswith("limited"):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded.")
            return answer(WHOLE)

        def stream(asked: Any, context: Any, answer: Callable[[Any], bytes] = answer) -> Iterator[bytes]:
            yield from map(answer, PIECES)

        handlers = {
            "GenerateContent": grpc.unary_unary_rpc_method_handler(generate, request.deserialize, bytes),
            "StreamGenerateContent": grpc.unary_stream_rpc_method_handler(stream, request.deserialize, bytes),
        }
        service = f"google.cloud.aiplatform.{version}.PredictionService"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture
def meter() -> Iterator[Meter]:
    guard.reset()
    yield Meter(Settings(content="SPAN_ONLY"))
    genmeter.uninstrument()
    assert dict(guard.failures) == {}


def client_of(version: str, address: str) -> Any:
    """A generated client whose channel goes to the server; the address that it names is Google's."""
    grpc = import_module("grpc")
    service = import_module(f"google.cloud.aiplatform_{version}.services.prediction_service")
    transports = import_module(f"{service.__name__}.transports")
    transport = transports.PredictionServiceGrpcTransport(channel=grpc.insecure_channel(address))
    return service.PredictionServiceClient(transport=transport)


def async_client_of(version: str, address: str) -> Any:
    grpc = import_module("grpc.aio")
    service = import_module(f"google.cloud.aiplatform_{version}.services.prediction_service")
    transports = import_module(f"{service.__name__}.transports")
    transport = transports.PredictionServiceGrpcAsyncIOTransport(channel=grpc.insecure_channel(address))
    return service.PredictionServiceAsyncClient(transport=transport)


def check(meter: Meter, streamed: bool) -> None:
    attributes = one_call(meter)
    assert (attributes[names.OPERATION], attributes[names.PROVIDER]) == ("generate_content", "gcp.vertex_ai")
    assert (attributes[names.REQUEST_MODEL], attributes[names.RESPONSE_MODEL]) == (
        "gemini-2.5-flash",
        "gemini-2.5-flash",
    )
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (11, 73)
    assert (attributes[names.AUDIO_INPUT_TOKENS], attributes[names.REASONING_TOKENS]) == (1, 3)
    assert tuple(attributes[names.FINISH_REASONS]) == ("stop",)
    assert attributes.get(names.REQUEST_STREAM) is (True if streamed else None)
    assert attributes[names.COST_AMOUNT] == pytest.approx(MICROS * MICRO)
    assert NEEDLE in attributes[names.INPUT_MESSAGES]
    assert "The parcel is here." in attributes[names.OUTPUT_MESSAGES]
    meter.clear()


def asked(version: str) -> Any:
    types = import_module(f"google.cloud.aiplatform_{version}.types")
    content = {"role": "user", "parts": [{"text": NEEDLE}]}
    return types.GenerateContentRequest(model=MODEL, contents=[content], generation_config={"temperature": 0.5})


@pytest.mark.parametrize("version", VERSIONS)
def test_the_generated_clients_are_metered(version: str, address: str, meter: Meter) -> None:
    client = client_of(version, address)
    answer = client.generate_content(request=asked(version))
    assert type(answer).__name__ == "GenerateContentResponse"
    check(meter, False)
    client.generate_content(asked(version))
    check(meter, False)
    chunks = client.stream_generate_content(request=asked(version))
    assert [one.candidates[0].content.parts[0].text for one in chunks] == ["The parcel ", "is here."]
    check(meter, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_generated_asynchronous_clients_are_metered(version: str, address: str, meter: Meter) -> None:
    async def run() -> None:
        client = async_client_of(version, address)
        await client.generate_content(request=asked(version))
        check(meter, False)
        chunks: AsyncIterator[Any] = await client.stream_generate_content(request=asked(version))
        assert [one.candidates[0].content.parts[0].text async for one in chunks] == ["The parcel ", "is here."]
        check(meter, True)

    asyncio.run(run())


def test_the_older_package_is_metered(address: str, meter: Meter) -> None:
    """Models, chats and streams of ``vertexai`` go through the generated clients."""
    vertexai, models = import_module("vertexai"), import_module("vertexai.generative_models")
    credentials = import_module("google.auth.credentials").AnonymousCredentials()
    vertexai.init(project="my-project", location="us-central1", credentials=credentials)
    model = models.GenerativeModel("gemini-2.5-flash")
    model._prediction_client = client_of("v1", address)
    assert model.generate_content(NEEDLE).text == "The parcel is here."
    check(meter, False)
    assert "".join(one.text for one in model.generate_content(NEEDLE, stream=True)) == "The parcel is here."
    check(meter, True)
    model.start_chat().send_message(NEEDLE)
    check(meter, False)


def test_a_refusal_is_told_by_its_kind(address: str, meter: Meter) -> None:
    client = client_of("v1", address)
    exceptions = import_module("google.api_core.exceptions")
    with pytest.raises(exceptions.ResourceExhausted):
        client.generate_content(model="limited", contents=[])
    attributes = one_call(meter)
    assert meter.span.status.status_code is StatusCode.ERROR
    assert attributes[names.ERROR_TYPE] == "google.ResourceExhausted"
    assert names.COST_AMOUNT not in attributes


def test_a_stream_that_is_left_is_cut(address: str, meter: Meter) -> None:
    chunks = client_of("v1", address).stream_generate_content(request=asked("v1"))
    next(chunks)
    del chunks
    import_module("gc").collect()
    import_module("genmeter.metering.process.reaper").reaper.drain()
    assert one_call(meter)[names.STREAM_CUT] == "abandoned"
