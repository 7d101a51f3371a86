"""Makes a call as an app does, and tells what the app saw, in values that two runs have in common."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from enum import Enum
from typing import Any, cast

from genmeter.metering.process.reaper import reaper

from .contract import At
from .listed import Case

ADDRESS = re.compile(r" at 0x[0-9a-f]+|Request ID: [0-9a-f-]+|, port=\d+|127\.0\.0\.1:\d+")
PRIMITIVE = (str, int, float, bool, bytes, type(None))


def shown(value: Any, depth: int = 8) -> Any:
    """All that an app can see of an SDK's object: its class and its public fields, without addresses in memory."""
    if isinstance(value, str):
        return ADDRESS.sub("", value)
    if isinstance(value, PRIMITIVE) or depth == 0:
        return value if isinstance(value, PRIMITIVE) else type(value).__name__
    if isinstance(value, Enum):
        return repr(value)
    if isinstance(value, (list, tuple, set)):
        return [shown(item, depth - 1) for item in value]
    if hasattr(value, "model_dump"):
        return [
            type(value).__name__,
            value.model_dump(warnings=False),
            value.model_dump(exclude_unset=True, warnings=False),
        ]
    if hasattr(value, "SerializeToString"):
        return [type(value).__name__, str(value)]
    held: Any = value if isinstance(value, Mapping) else getattr(value, "__dict__", None)
    if held is None:
        return ADDRESS.sub("", repr(value))
    fields = cast("Mapping[Any, Any]", held)
    public = {str(name): shown(item, depth - 1) for name, item in fields.items() if not str(name).startswith("_")}
    return [type(value).__name__, {name: public[name] for name in public if name.lower() not in ("date", "headers")}]


def failure(error: BaseException) -> Any:
    """What an app sees of an exception."""
    return ["raised", type(error).__module__, type(error).__qualname__, ADDRESS.sub("", str(error))]


# --- clients ---------------------------------------------------------------------------------------------------------


@contextmanager
def opened(case: Case, url: str) -> Iterator[Any]:
    """A synchronous client, closed at the end where it can be."""
    assert case.sdk.client is not None
    client = case.sdk.client(url)
    if hasattr(type(client), "__enter__"):
        with client as entered:
            yield entered
    else:
        yield client


@asynccontextmanager
async def opened_async(case: Case, url: str) -> AsyncIterator[Any]:
    """An asynchronous client."""
    assert case.sdk.async_client is not None
    client = case.sdk.async_client(url)
    if hasattr(type(client), "__aenter__"):
        async with client as entered:
            yield entered
            # A stream that was dropped is closed by a task of the loop; huggingface_hub 0.36 fails where both close at once.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=5)
    else:
        yield client


# --- calls -----------------------------------------------------------------------------------------------------------


def make(client: Any, at: At) -> Any:
    """Make the call; gives the answer, or what the app takes of it."""
    return at.take(at.method(client)(*at.positional, **at.arguments))


async def make_async(client: Any, at: At) -> Any:
    """The asynchronous twin of ``make``."""
    return await settled(at.take(await settled(at.method(client)(*at.positional, **at.arguments))))


async def settled(value: Any) -> Any:
    """The value, awaited where it has to be."""
    return await value if inspect.isawaitable(value) and not hasattr(value, "__aiter__") else value


@contextmanager
def reading(answer: Any) -> Iterator[Iterator[Any]]:
    """The chunks of a streamed answer: it is an iterable, or a context manager that gives one."""
    if isinstance(answer, Iterable) or not isinstance(answer, AbstractContextManager):
        yield iter(answer)
    else:
        with answer as inner:
            yield iter(inner)


@asynccontextmanager
async def reading_async(answer: Any) -> AsyncIterator[AsyncIterator[Any]]:
    """The asynchronous twin of ``reading``."""
    if isinstance(answer, AsyncIterable) or not isinstance(answer, AbstractAsyncContextManager):
        yield aiter(answer)
    else:
        async with answer as inner:
            yield aiter(inner)


def took(client: Any, at: At, streamed: bool) -> Any:
    """Make a call and read its answer to the end."""
    answer = make(client, at)
    if not streamed:
        return shown(answer)
    with reading(answer) as chunks:
        return [shown(chunk) for chunk in chunks]


async def took_async(client: Any, at: At, streamed: bool) -> Any:
    """The asynchronous twin of ``took``."""
    answer = await make_async(client, at)
    if not streamed:
        return shown(answer)
    async with reading_async(answer) as chunks:
        return [shown(chunk) async for chunk in chunks]


def way_of(case: Case) -> At:
    """The way of a case; an asynchronous method may have a name of its own."""
    return case.at.but(path=case.sdk.twin(case.at.path)) if case.asynchronous else case.at


def act(case: Case, url: str, **changed: Any) -> Any:
    """One call from a client of its own: what the app gets, or the exception that it gets."""
    at = way_of(case).but(**changed)
    saw = asyncio.run(_act_async(case, url, at)) if case.asynchronous else _act(case, url, at)
    if case.streamed and saw[:1] == ["raised"]:
        settle()
    return saw


def settle() -> None:
    """What nobody holds has ended: an exception keeps its frames, and a stream in one of them, until a collection."""
    gc.collect()
    reaper.drain()


def _act(case: Case, url: str, at: At) -> Any:
    try:
        with opened(case, url) as client:
            return took(client, at, case.streamed)
    except Exception as error:
        return failure(error)


async def _act_async(case: Case, url: str, at: At) -> Any:
    try:  # in here: asyncio shows the task that fails, and the exceptions of some SDKs cannot be shown
        async with opened_async(case, url) as client:
            return await took_async(client, at, case.streamed)
    except Exception as error:
        return failure(error)
