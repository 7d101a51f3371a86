"""A tiny SDK that nobody publishes, for forms that no SDK of the locks has; each class says whose form it is.

It sends nothing: ``SENT`` notes what an SDK would send, at the moment when it would.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

from opentelemetry import trace

USAGE = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
ANSWER = {"id": "a-1", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop"}], "usage": USAGE}
CHUNKS = [
    {"id": "a-1", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": None}]},
    {"id": "a-1", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": None}]},
    {"id": "a-1", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop"}], "usage": USAGE},
]
SENT: list[str] = []


class AcmeError(Exception):
    """google-genai raises one class for all statuses, which stand in ``code``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"status {code}")
        self.code = code


class Kept:
    """What keeps an address."""

    def __init__(self, url: str) -> None:
        self.url = url


class Models:
    """google-genai: the address is a text that an object behind the resource keeps; streams are generator functions."""

    def __init__(self, url: str = "https://api.openai.com/v1") -> None:
        self.api = Kept(url)

    def generate(self, *, model: str, fails: int = 0) -> Any:
        SENT.append("generate")
        if fails:
            raise AcmeError(fails)
        return ANSWER

    def generate_stream(self, *, model: str) -> Iterator[Any]:
        SENT.append("generate_stream")
        yield from CHUNKS

    def traced_stream(self, *, model: str) -> Iterator[Any]:
        """xai-sdk: the generator holds a span current from one item to the next."""
        with trace.get_tracer("acme").start_as_current_span("acme"):
            SENT.append("traced_stream")
            yield from CHUNKS

    def spoken_stream(self, *, model: str) -> Iterator[Any]:
        """A generator that takes values, and that goes on after an error which it knows."""
        SENT.append("spoken_stream")
        for chunk in CHUNKS:
            try:
                SENT.append(str((yield chunk)))
            except LookupError as error:
                SENT.append(type(error).__name__)

    def chat(self, *, model: str, stream: bool = False) -> Any:
        """ollama: a plain function that returns a generator when it is asked to stream."""
        return self.generate_stream(model=model) if stream else self.generate(model=model)

    def complete(self, *, model: str, stream: bool = False) -> Any:
        """litellm: an object for ``for`` and for ``async for``."""
        SENT.append("complete")
        return Both() if stream else ANSWER


class Both:
    """A stream of both kinds."""

    def __init__(self) -> None:
        self.chunks = iter(CHUNKS)

    def __iter__(self) -> Both:
        return self

    def __next__(self) -> Any:
        return next(self.chunks)

    def __aiter__(self) -> Both:
        return self

    async def __anext__(self) -> Any:
        for chunk in self.chunks:
            return chunk
        raise StopAsyncIteration


class AsyncModels(Models):
    """The asynchronous twin."""

    async def generate_stream(self, *, model: str) -> AsyncIterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """cohere: an asynchronous generator function, which must not be awaited."""
        SENT.append("generate_stream")
        for chunk in CHUNKS:
            yield chunk

    async def spoken_stream(self, *, model: str) -> AsyncIterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The same, asynchronous."""
        SENT.append("spoken_stream")
        for chunk in CHUNKS:
            try:
                SENT.append(str((yield chunk)))
            except LookupError as error:
                SENT.append(type(error).__name__)

    async def begun_stream(self, *, model: str) -> Any:
        """google-genai: a coroutine that gives an asynchronous generator."""
        SENT.append("begun_stream")
        return pieces()


async def pieces() -> AsyncIterator[Any]:
    for chunk in CHUNKS:
        yield chunk


class EventStream:
    """botocore: an iterable that is no iterator, and that is closed."""

    def __iter__(self) -> Iterator[Any]:
        yield from CHUNKS

    def close(self) -> None:
        SENT.append("closed")


class Client:
    """botocore: one method for every operation of every service."""

    def __init__(self, service: str = "models") -> None:
        model = SimpleNamespace(service_name=service)
        self.meta = SimpleNamespace(service_model=model, endpoint_url="https://api.openai.com/v1")

    def _make_api_call(self, operation: str, parameters: dict[str, Any]) -> Any:
        SENT.append(operation)
        return {"stream": EventStream(), "head": "a-1"} if operation == "ConverseStream" else {**ANSWER}

    def converse(self, **parameters: Any) -> Any:
        return self._make_api_call("Converse", parameters)

    def converse_stream(self, **parameters: Any) -> Any:
        return self._make_api_call("ConverseStream", parameters)

    def list_models(self) -> Any:
        return self._make_api_call("ListModels", {})


class Traced:
    """mistralai and xai-sdk trace their calls by a function and by an object of a module."""

    def __init__(self) -> None:
        self.api = SimpleNamespace(url="https://api.openai.com/v1")

    def generate(self, *, model: str) -> Any:
        SENT.append(f"{choose_tracer()} {tracer.name}")
        return ANSWER


def choose_tracer() -> str:
    return "loud"


tracer = SimpleNamespace(name="loud")
