"""What is patched looks as before, what the SDK gives stays what it is, and at the end the very same objects are back."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from typing import Any

import genmeter
from genmeter.metering.providers import PROVIDERS
from genmeter.metering.spec import Provider
from tests.stub import StubServer

from .acting import ADDRESS, make, make_async, opened, opened_async, way_of
from .conftest import Metering
from .contract import Sdk
from .listed import Case, cases_of, each, every_sdk

MISSING = object()
ABSTRACT = (Iterator, AsyncIterator, Awaitable, AbstractContextManager, AbstractAsyncContextManager)


def table_of(sdk: Sdk) -> Provider:
    """The first table of the SDK in ``metering/providers``."""
    return tables_of(sdk)[0]


def tables_of(sdk: Sdk) -> list[Provider]:
    """The tables of the SDK: one, or one for each generation of it."""
    return [found for found in PROVIDERS if found.sdk == (sdk.table or sdk.module)]


def places(sdk: Sdk) -> list[tuple[str, str]]:
    """Every (module, path) of the table."""
    found: list[tuple[str, str]] = []
    for table in tables_of(sdk):
        found += [(target.module, target.path) for target in table.targets]
        found += [*((muted.module, muted.path) for muted in table.muted), *table.arrivals]
    return list(dict.fromkeys(found))


def held(module: str, path: str) -> Any:
    """What the holder's own dictionary has; MISSING where this version of the SDK has no such thing."""
    try:
        holder = import_module(module)
    except ImportError:
        return MISSING
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner, None)
    return MISSING if holder is None else vars(holder).get(name, MISSING)


@each(which=every_sdk, names="sdk")
def test_the_very_same_objects_come_back(sdk: Sdk, metering: Metering) -> None:
    before = {place: held(*place) for place in places(sdk)}
    there = [place for place, value in before.items() if value is not MISSING]
    assert there, "this version has nothing of what the table names"
    for _ in range(3):
        metering(sdk)
        assert [place for place in there if held(*place) is before[place]] == []
        genmeter.uninstrument()
        assert [place for place, value in before.items() if held(*place) is not value] == []


@each(which=every_sdk, names="sdk")
def test_what_is_patched_looks_the_same(sdk: Sdk, metering: Metering) -> None:
    def looks(function: Any) -> Any:
        return (
            inspect.signature(function),
            inspect.iscoroutinefunction(function),
            inspect.isgeneratorfunction(function),
            inspect.isasyncgenfunction(function),
            function.__doc__,
            function.__qualname__,
            function.__module__,
            inspect.isfunction(function),
            isinstance(function, type(looks)),
        )

    targets = [(target.module, target.path) for table in tables_of(sdk) for target in table.targets]
    before = {place: looks(held(*place)) for place in targets if inspect.isfunction(held(*place))}
    assert before
    metering(sdk)
    assert {place: looks(held(*place)) for place in before} == before


@each(which=cases_of)
def test_an_answer_is_of_the_type_that_the_bare_sdk_gives(case: Case, stub: StubServer, metering: Metering) -> None:
    def run() -> Any:
        return asyncio.run(_facts_async(case, stub)) if case.asynchronous else _facts(case, stub)

    bare = run()
    metering(case.sdk)
    assert run() == bare


def _facts(case: Case, stub: StubServer) -> Any:
    with opened(case, stub.url) as client:
        answer = make(client, way_of(case))
        found = facts(answer)
        _close(answer)
        return found


async def _facts_async(case: Case, stub: StubServer) -> Any:
    async with opened_async(case, stub.url) as client:
        answer = await make_async(client, way_of(case))
        found = facts(answer)
        made = _close(answer)
        if inspect.isawaitable(made):
            await made
        return found


def _close(answer: Any) -> Any:
    close = getattr(answer, "aclose", None) or getattr(answer, "close", None)
    return close() if callable(close) else None


def facts(made: Any) -> dict[str, Any]:
    """What programs ask about an object, in values that two runs have in common."""
    kind = type(made)
    return {
        "names": (kind.__module__, kind.__qualname__),
        "class": (made.__class__.__module__, made.__class__.__qualname__),
        "is of its class": all(isinstance(made, base) for base in made.__class__.__mro__),
        "bases": [base.__qualname__ for base in made.__class__.__mro__],
        "is abstract": [isinstance(made, base) for base in ABSTRACT],
        "repr": ADDRESS.sub("", repr(made)).partition(" at 0x")[0],
        "dir": sorted(set(dir(made)) - {"_iterator", "__slotnames__"}),
        "callable": callable(made),
        "awaitable": inspect.isawaitable(made),
        "generator": (inspect.isgenerator(made), inspect.isasyncgen(made)),
        "copied": tried(copy.copy, made),
        "pickled": tried(pickle.dumps, made),
    }


def tried(act: Any, made: Any) -> str:
    """The type of what an act gives, or of what it raises."""
    try:
        return type(act(made)).__qualname__
    except Exception as error:
        return f"raised {type(error).__qualname__}"
