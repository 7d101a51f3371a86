"""Who comes first does not matter: the SDK or genmeter, the client or ``instrument()``, once or twice, on any thread."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import genmeter
from tests.stub import StubServer

from .acting import act, opened, opened_async, took, took_async, way_of
from .conftest import Metering
from .contract import Sdk
from .listed import Case, each, every_sdk, plain_cases
from .test_calls import tokens_of

MANY = 8


@each(which=every_sdk, names="sdk")
def test_the_sdk_may_come_after_genmeter_and_a_process_may_fork(sdk: Sdk) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.providers.fresh", sdk.name],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["imported by us"] == []
    assert seen["spans when the SDK comes after"] == 1
    if sdk.forks:
        assert (seen["spans of a forked child"], seen["spans of its parent"]) == (1, 0)


@each(which=plain_cases)
def test_a_client_and_a_method_that_are_older_than_genmeter_are_metered(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    at = way_of(case)

    def run() -> int:
        with opened(case, stub.url) as client:
            holder = _Holding(at.method(client))
            meter = metering(case.sdk)
            took(client, at, case.streamed)
            took(holder, at.but(path="kept"), case.streamed)
            return len(meter.spans)

    async def run_async() -> int:
        async with opened_async(case, stub.url) as client:
            holder = _Holding(at.method(client))
            meter = metering(case.sdk)
            await took_async(client, at, case.streamed)
            await took_async(holder, at.but(path="kept"), case.streamed)
            return len(meter.spans)

    assert (asyncio.run(run_async()) if case.asynchronous else run()) == (2 if case.sdk.kept else 1)


class _Holding:
    """A client of one method that the app has kept."""

    def __init__(self, kept: object) -> None:
        self.kept = kept


@each(which=plain_cases)
def test_a_kept_method_passes_after_uninstrument_and_is_metered_by_the_next_instrument(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    def run() -> list[int]:
        first = metering(case.sdk)
        with opened(case, stub.url) as client:
            holder = _Holding(way_of(case).method(client))
            at = way_of(case).but(path="kept")
            genmeter.uninstrument()
            took(holder, at, case.streamed)
            second = metering(case.sdk)
            took(holder, at, case.streamed)
            return [len(first.spans), len(second.spans)]

    async def run_async() -> list[int]:
        first = metering(case.sdk)
        async with opened_async(case, stub.url) as client:
            holder = _Holding(way_of(case).method(client))
            at = way_of(case).but(path="kept")
            genmeter.uninstrument()
            await took_async(holder, at, case.streamed)
            second = metering(case.sdk)
            await took_async(holder, at, case.streamed)
            return [len(first.spans), len(second.spans)]

    assert (asyncio.run(run_async()) if case.asynchronous else run()) == [0, 1]


@each(which=plain_cases)
def test_instrument_twice_is_one_record_a_call(case: Case, stub: StubServer, metering: Metering) -> None:
    meter = metering(case.sdk)
    genmeter.instrument()
    act(case, stub.url)
    assert len(meter.spans) == 1


def sync_cases(sdk: Sdk) -> list[Case]:
    return [case for case in plain_cases(sdk) if not case.asynchronous]


@each(which=sync_cases)
def test_threads_of_one_client_make_one_record_each(case: Case, stub: StubServer, metering: Metering) -> None:
    meter = metering(case.sdk)
    with opened(case, stub.url) as client, ThreadPoolExecutor(MANY) as pool:
        list(pool.map(lambda _: took(client, way_of(case), case.streamed), range(MANY)))
    assert [tokens_of(dict(span.attributes or {})) for span in meter.spans] == [case.expected.tokens] * MANY


def async_cases(sdk: Sdk) -> list[Case]:
    return [case for case in plain_cases(sdk) if case.asynchronous]


@each(which=async_cases)
def test_tasks_of_one_client_make_one_record_each(case: Case, stub: StubServer, metering: Metering) -> None:
    meter = metering(case.sdk)

    async def run() -> None:
        async with opened_async(case, stub.url) as client:
            await asyncio.gather(*(took_async(client, way_of(case), case.streamed) for _ in range(MANY)))

    asyncio.run(run())
    assert [tokens_of(dict(span.attributes or {})) for span in meter.spans] == [case.expected.tokens] * MANY
