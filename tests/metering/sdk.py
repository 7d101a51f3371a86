"""What differs between the majors of the SDKs, and the words that many tests say."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import anthropic
import openai

OPENAI = tuple(int(part) for part in openai.__version__.split(".")[:2])
ANTHROPIC = tuple(int(part) for part in anthropic.__version__.split(".")[:2])

INSTALLED = {sdk: importlib.util.find_spec(sdk) is not None for sdk in ("openai", "anthropic", "groq")}
"""SDK → whether this environment has it; those of older majors have the first two alone."""

HELLO: Any = [{"role": "user", "content": "Hello!"}]
CHAT: Any = {"model": "gpt-4o", "messages": HELLO}
CLAUDE: Any = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO}
AWS: Any = {"aws_access_key": "AKIASTUB", "aws_secret_key": "secret", "aws_region": "eu-north-1"}
GOOGLE: Any = {"region": "global", "project_id": "my-project", "access_token": "token"}


async def settled(value: Any) -> Any:
    """The value, awaited where it has to be: raw responses are sync in one SDK and async in the other."""
    return await value if inspect.isawaitable(value) else value


def dump(value: Any) -> Any:
    """Everything that an app can see of an SDK's result, comparable."""
    if hasattr(value, "model_dump"):
        return [
            type(value).__name__,
            value.model_dump(warnings=False),
            value.model_dump(exclude_unset=True, warnings=False),
            repr(value),
        ]
    if hasattr(value, "iter_bytes"):
        # Groq's speech comes in a raw response, whose body is that of the HTTP response.
        return [type(value).__name__, (value if hasattr(value, "content") else value.http_response).content]
    return [type(value).__name__, value]


def resource_of(kind: str, client: Any) -> tuple[Any, Any]:
    """What makes chat calls, and one such call."""
    return (client.messages, CLAUDE) if kind == "anthropic" else (client.chat.completions, CHAT)


def ask_sync(way: str, resource: Any, ask: Any) -> None:
    """Make a call whole, as a stream, raw, as a streaming response or by the SDK's helper."""
    if way in ("streaming", "helper"):
        with _manager(way, resource)(**ask):
            pass
    else:
        _create(way, resource)(**ask, **({"stream": True} if way == "stream" else {}))


async def ask_async(way: str, resource: Any, ask: Any) -> None:
    """The async twin of ``ask_sync``."""
    if way in ("streaming", "helper"):
        async with _manager(way, resource)(**ask):
            pass
    else:
        await _create(way, resource)(**ask, **({"stream": True} if way == "stream" else {}))


def _manager(way: str, resource: Any) -> Any:
    return resource.stream if way == "helper" else resource.with_streaming_response.create


def _create(way: str, resource: Any) -> Any:
    return resource.with_raw_response.create if way == "raw" else resource.create
