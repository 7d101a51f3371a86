"""The same calls with the SDK's own work taken out: what it would post is answered with an object that it made before.

Building a request and decoding an answer take the SDKs a hundred times what a chunk may cost here, and their noise
hides it. Methods, wrappers and stream classes stay the SDK's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from copy import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scenarios import Scenario


def client(scenario: Scenario) -> Any:
    """A client of ``scenario`` whose resource posts nothing."""
    made = scenario.client()
    resource = made.chat.completions if scenario.sdk == "openai" else made.messages
    prepare = _prepare_async if scenario.awaited else _prepare
    prepare(scenario, resource, *_request(scenario))
    return made


def _request(scenario: Scenario) -> tuple[dict[str, Any]]:
    from .scenarios import CHAT, CHAT_STREAM, MESSAGE, MESSAGE_STREAM

    openai = scenario.sdk == "openai"
    if scenario.chunks:
        return (CHAT_STREAM if openai else MESSAGE_STREAM,)
    return (CHAT if openai else MESSAGE,)


def _prepare(scenario: Scenario, resource: Any, request: dict[str, Any]) -> None:
    answer = resource.create(**request)
    if not scenario.chunks:
        resource._post = lambda *args, **kwargs: answer
        return
    chunks = list(answer)

    def post(*args: Any, **kwargs: Any) -> Any:
        stream = copy(answer)
        vars(stream)["_iterator"] = iter(chunks)
        return stream

    resource._post = post


def _prepare_async(scenario: Scenario, resource: Any, request: dict[str, Any]) -> None:
    answer, chunks = asyncio.run(_answer(scenario, resource, request))

    async def pieces() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    async def post(*args: Any, **kwargs: Any) -> Any:
        if not scenario.chunks:
            return answer
        stream = copy(answer)
        vars(stream)["_iterator"] = pieces()
        return stream

    resource._post = post


async def _answer(scenario: Scenario, resource: Any, request: dict[str, Any]) -> tuple[Any, list[Any]]:
    answer = await resource.create(**request)
    return answer, [chunk async for chunk in answer] if scenario.chunks else []
