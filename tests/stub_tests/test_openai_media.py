"""Embeddings, images, audio, moderation and models with the real SDK."""

from __future__ import annotations

import asyncio
from typing import Any

from openai import AsyncOpenAI, OpenAI

from tests.stub import Reply, StubServer

WAV = ("speech.wav", b"RIFF\x00\x00\x00\x00WAVE\r\n--odd\r\n", "audio/wav")


def test_embeddings(stub: StubServer, openai_client: OpenAI) -> None:
    one = openai_client.embeddings.create(model="text-embedding-3-small", input="a")
    assert len(one.data) == 1 and len(one.data[0].embedding) == 1536 and one.usage.prompt_tokens == 8
    many = openai_client.embeddings.create(model="text-embedding-3-large", input=["a", "b", "c"], dimensions=257)
    assert [len(item.embedding) for item in many.data] == [257] * 3 and many.model == "text-embedding-3-large"
    floats = openai_client.embeddings.create(model="m", input=[1, 2, 3], encoding_format="float")
    assert len(floats.data) == 1 and abs(floats.data[0].embedding[0] - one.data[0].embedding[0]) < 1e-6
    stub.script("/embeddings", Reply(usage={"prompt_tokens": 4000}))
    assert openai_client.embeddings.create(model="m", input="a").usage.total_tokens == 4000


def test_images(stub: StubServer, openai_client: OpenAI) -> None:
    image = openai_client.images.generate(model="gpt-image-1", prompt="a cat")
    assert image.data and image.data[0].b64_json and image.usage and image.usage.input_tokens_details.image_tokens == 40
    old = openai_client.images.generate(model="dall-e-3", prompt="a cat")
    assert old.data and old.data[0].url and old.usage is None
    edited = openai_client.images.edit(model="gpt-image-1", image=b"png", prompt="a hat")
    assert edited.usage and stub.requests[-1].body["model"] == "gpt-image-1"
    events: list[Any] = list(
        openai_client.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=2)
    )
    assert [event.type.split(".")[1] for event in events] == ["partial_image"] * 2 + ["completed"]
    assert events[-1].usage.total_tokens == 100


def test_speech(openai_client: OpenAI) -> None:
    audio = openai_client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi")
    assert audio.content.startswith(b"ID3")
    create = openai_client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input="Hi") as streamed:
        assert b"".join(streamed.iter_bytes()).startswith(b"ID3")


def test_transcriptions(stub: StubServer, openai_client: OpenAI) -> None:
    create = openai_client.audio.transcriptions.create
    tokens: Any = create(model="gpt-4o-transcribe", file=WAV)
    assert tokens.usage.type == "tokens" and tokens.usage.input_token_details.audio_tokens == 14
    assert stub.requests[-1].body == {"model": "gpt-4o-transcribe", "file": "speech.wav"}
    seconds: Any = create(model="whisper-1", file=WAV)
    assert seconds.usage.type == "duration" and seconds.usage.seconds == 9
    verbose = create(model="whisper-1", file=WAV, response_format="verbose_json")
    assert verbose.duration == 8.47 and verbose.segments
    assert create(model="whisper-1", file=WAV, response_format="text").startswith("Imagine")
    events: list[Any] = list(create(model="gpt-4o-transcribe", file=WAV, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].usage.total_tokens == 59
    assert openai_client.audio.translations.create(model="whisper-1", file=WAV).text


def test_moderations_and_models(openai_client: OpenAI) -> None:
    answer = openai_client.moderations.create(input=["a", "b"])
    assert len(answer.results) == 2 and answer.results[0].flagged is False
    assert answer.results[0].category_scores.violence < 0.1
    assert "gpt-4o" in [model.id for model in openai_client.models.list()]
    assert openai_client.models.retrieve("gpt-4o").id == "gpt-4o"


def test_async(stub: StubServer) -> None:
    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="k") as client:
            assert (await client.embeddings.create(model="text-embedding-3-small", input="a")).data
            assert (await client.images.generate(model="gpt-image-1", prompt="a cat")).usage
            assert (await client.audio.speech.create(model="tts-1", voice="alloy", input="Hi")).content
            assert (await client.audio.transcriptions.create(model="gpt-4o-transcribe", file=WAV)).usage
            assert (await client.moderations.create(input="a")).results
            assert [model async for model in client.models.list()]

    asyncio.run(run())
