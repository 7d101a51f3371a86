"""Streams that do not reach their end, or never begin: one call each where something was sent, none where nothing was."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

from genmeter import names
from tests.metering.rig import one_call
from tests.stub import Reply, Stream, StubServer

from .acting import (
    act,
    make,
    make_async,
    opened,
    opened_async,
    reading,
    reading_async,
    settle,
    settled,
    shown,
    way_of,
)
from .conftest import Metering
from .contract import Sdk
from .listed import Case, cases_of, each, plain_cases

FOREVER = 60.0
"""Seconds between two events of a stream that nobody reads to its end."""


def streams(sdk: Sdk) -> list[Case]:
    return [case for case in cases_of(sdk) if case.streamed]


def async_cases(sdk: Sdk) -> list[Case]:
    return [case for case in plain_cases(sdk) if case.asynchronous]


def async_streams(sdk: Sdk) -> list[Case]:
    return [case for case in plain_cases(sdk) if case.asynchronous and case.streamed]


@each(which=streams)
def test_a_connection_that_breaks_ends_the_call_as_the_app_sees_it(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    stub.script(case.call.wire, Stream(cut_after=2), Stream(cut_after=2))
    bare = act(case, stub.url)
    meter = metering(case.sdk)
    assert act(case, stub.url) == bare
    attributes = one_call(meter)
    if bare[0] == "raised":
        assert attributes[names.ERROR_TYPE]
    assert names.COST_AMOUNT not in attributes or attributes[names.COST_STATUS] == "partial"


@each(which=streams)
def test_a_stream_that_is_never_read_is_a_call_only_if_something_was_sent(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    meter = metering(case.sdk)

    def drop() -> None:
        with opened(case, stub.url) as client:
            make(client, way_of(case))

    async def drop_async() -> None:
        async with opened_async(case, stub.url) as client:
            made = await make_async(client, way_of(case))
            del made
            gc.collect()
            await asyncio.sleep(0)

    asyncio.run(drop_async()) if case.asynchronous else drop()
    settle()
    assert len(meter.spans) == len(stub.requests)
    if meter.spans:
        attributes = one_call(meter)
        assert attributes[names.STREAM_CUT] in ("abandoned", "closed")
        assert names.COST_AMOUNT not in attributes or attributes[names.COST_STATUS] == "partial"


@each(which=streams)
def test_a_stream_that_is_left_after_its_first_chunk_is_cut(case: Case, stub: StubServer, metering: Metering) -> None:
    stub.script(case.call.wire, Stream(n=40), Stream(n=40))

    def leave() -> Any:
        with opened(case, stub.url) as client:
            answer = make(client, way_of(case))
            with reading(answer) as chunks:
                first = shown(next(chunks))
            if hasattr(answer, "close"):
                answer.close()
            return first

    async def leave_async() -> Any:
        async with opened_async(case, stub.url) as client:
            answer = await make_async(client, way_of(case))
            async with reading_async(answer) as chunks:
                first = shown(await anext(chunks))
            close = getattr(answer, "aclose", None) or getattr(answer, "close", None)
            if close is not None:
                await settled(close())
            return first

    def run() -> Any:
        return asyncio.run(leave_async()) if case.asynchronous else leave()

    bare = run()
    meter = metering(case.sdk)
    assert run() == bare
    settle()
    attributes = one_call(meter)
    assert attributes[names.STREAM_CUT] in ("closed", "abandoned")
    assert names.ERROR_TYPE not in attributes


@each(which=async_streams)
def test_a_task_that_is_cancelled_while_it_reads_cuts_its_stream(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    stub.script(case.call.wire, Stream(gap=FOREVER))
    meter = metering(case.sdk)
    asyncio.run(_cancelled(case, stub, after="a chunk"))
    settle()
    attributes = one_call(meter)
    assert attributes.get(names.STREAM_CUT) == "cancelled" or attributes[names.ERROR_TYPE] == "CancelledError"


@each(which=async_cases)
def test_a_task_that_is_cancelled_before_the_answer_is_one_call(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    stub.script(case.call.wire, Reply(delay=FOREVER))
    meter = metering(case.sdk)
    asyncio.run(_cancelled(case, stub, after="the request"))
    settle()
    attributes = one_call(meter)
    assert attributes.get(names.STREAM_CUT) == "cancelled" or attributes[names.ERROR_TYPE] == "CancelledError"
    assert tokens_missing(attributes)


def tokens_missing(attributes: dict[str, Any]) -> bool:
    return names.INPUT_TOKENS not in attributes and names.OUTPUT_TOKENS not in attributes


async def _cancelled(case: Case, stub: StubServer, after: str) -> None:
    """Start the call in a task, and cancel the task when the moment has come."""
    begun = asyncio.Event()

    async def read() -> Any:
        async with opened_async(case, stub.url) as client:
            answer = await make_async(client, way_of(case))
            if case.streamed:
                async with reading_async(answer) as chunks:
                    async for _ in chunks:
                        begun.set()

    task = asyncio.create_task(read())
    if after == "a chunk":
        await begun.wait()
    else:
        deadline = time.monotonic() + 30
        while not stub.requests and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is not None  # some SDKs make an error of their own of it
