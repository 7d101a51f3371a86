"""What is aiobotocore's own: bodies that are awaited, streams that close at once, and calls of other services of AWS."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import genmeter
from genmeter import names
from tests.metering.rig import MICRO, one_call
from tests.stub import StubServer

from .conftest import Metering
from .sdks.aiobotocore import SDK, async_client
from .sdks.boto3 import ASK, INVOKE

pytest.importorskip("aiobotocore")
pytestmark = pytest.mark.xdist_group("sdk-aiobotocore")


async def pieces(body: Any) -> bytes:
    found = b""
    while piece := await body.read(100):
        found += piece
    return found


async def entered(body: Any) -> bytes:
    async with body as below:
        return await below.read()


async def lines(body: Any) -> bytes:
    return b"".join([line async for line in body.iter_lines()])


async def chunks(body: Any) -> bytes:
    return b"".join([piece async for piece in body.iter_chunks(50)])


async def looped(body: Any) -> bytes:
    return b"".join([piece async for piece in body])


async def listed(body: Any) -> bytes:
    return b"".join(await body.readlines())


WAYS: dict[str, Callable[[Any], Awaitable[bytes]]] = {
    "read": lambda body: body.read(),
    "pieces": pieces,
    "async with": entered,
    "lines": lines,
    "chunks": chunks,
    "async for": looped,
    "readlines": listed,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_body_is_the_same_and_billed_however_it_is_read(way: str, stub: StubServer, metering: Metering) -> None:
    """claude-haiku-4-5: 25 × 1.1 + 15 × 5.5 = 27.5 + 82.5."""

    async def run() -> bytes:
        async with async_client(stub.url) as client:
            return await WAYS[way]((await client.invoke_model(**INVOKE))["body"])

    meter = metering(SDK)
    got = asyncio.run(run())
    attributes = one_call(meter)
    genmeter.uninstrument()
    assert got == asyncio.run(run())
    assert attributes[names.FINISH_REASONS] == ["stop"] and names.STREAM_CUT not in attributes
    assert attributes[names.COST_AMOUNT] == pytest.approx(110 * MICRO)


def test_a_stream_closes_when_the_app_closes_it(stub: StubServer, metering: Metering) -> None:
    """The SDK's method is no coroutine: one in its place would close nothing, and warn."""

    async def run() -> Any:
        async with async_client(stub.url) as client:
            stream = (await client.converse_stream(**ASK))["stream"]
            async for _ in stream:
                break
            return stream.close()

    meter = metering(SDK)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert asyncio.run(run()) is None
    assert one_call(meter)[names.STREAM_CUT] == "closed"


def test_a_call_of_another_service_is_the_sdks_own_coroutine(stub: StubServer, metering: Metering) -> None:
    from aiobotocore.client import AioBaseClient

    async def run() -> Any:
        async with async_client(stub.url) as client:
            made = client._make_api_call("ListAsyncInvokes", {})
            assert inspect.iscoroutine(made)
            made.close()
            return made.cr_code

    bare = asyncio.run(run())
    meter = metering(SDK)
    assert hasattr(AioBaseClient.__dict__["_make_api_call"], "_self_wrapper")
    assert asyncio.run(run()) is bare
    assert meter.all_spans == []
