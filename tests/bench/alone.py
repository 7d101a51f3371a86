"""The same calls with the SDK's own work taken out: what it would post is answered with an object that it made before.

Checking arguments and decoding answers take the SDKs a hundred times what a chunk may cost here, and their noise hides
it. Methods, wrappers and stream classes stay the SDK's own; its private names are used here and nowhere else.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from .scenarios import Scenario

RESOURCES = {"openai": "openai.resources.chat.completions.completions", "anthropic": "anthropic.resources.messages.messages"}  # fmt: skip


def _same(value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


async def _same_async(value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


@contextmanager
def idle(scenario: Scenario) -> Iterator[Any]:
    """A client of ``scenario`` that prepares nothing and posts nothing, for as long as this is open."""
    client = scenario.connect()
    resource = client.chat.completions if scenario.sdk == "openai" else client.messages
    module = importlib.import_module(RESOURCES[scenario.sdk])
    prepare = _prepare_async if scenario.awaited else _prepare
    prepare(scenario, resource)
    with ExitStack() as stack:
        for name, stand_in in (("maybe_transform", _same), ("async_maybe_transform", _same_async)):
            if hasattr(module, name):  # not every major of an SDK has them
                stack.enter_context(patch.object(module, name, stand_in))
        yield client


def _prepare(scenario: Scenario, resource: Any) -> None:
    answer = resource.create(**scenario.request)
    if not scenario.chunks:
        resource._post = lambda *args, **kwargs: answer
        return
    chunks = list(answer)

    def post(*args: Any, **kwargs: Any) -> Any:
        stream = copy(answer)
        vars(stream)["_iterator"] = iter(chunks)
        return stream

    resource._post = post


def _prepare_async(scenario: Scenario, resource: Any) -> None:
    answer, chunks = asyncio.run(_answer(scenario, resource))

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


async def _answer(scenario: Scenario, resource: Any) -> tuple[Any, list[Any]]:
    answer = await resource.create(**scenario.request)
    return answer, [chunk async for chunk in answer] if scenario.chunks else []
