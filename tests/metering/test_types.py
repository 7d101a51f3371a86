"""What an SDK gives stays what it is, however a program asks for its type."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import weakref
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import anthropic
import openai
import pytest

from genmeter import names
from genmeter.metering.shapes.disguise import disguised
from genmeter.metering.shapes.proxy import Proxy
from genmeter.metering.shapes.stream import AsyncStream, Stream
from tests.stub import StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import Meter, one_call
from .sdk import CHAT, CLAUDE, INSTALLED, resource_of, settled

WAYS = {
    "stream": lambda resource, ask: resource.create(**ask, stream=True),
    "raw": lambda resource, ask: resource.with_raw_response.create(**ask),
    "raw stream": lambda resource, ask: resource.with_raw_response.create(**ask, stream=True),
    "streaming": lambda resource, ask: resource.with_streaming_response.create(**ask),
    "whole": lambda resource, ask: resource.create(**ask),
    "helper": lambda resource, ask: resource.stream(**ask),
}
SDKS = [sdk for sdk in ("openai", "anthropic", "groq") if INSTALLED[sdk]]
CASES = [(sdk, way) for sdk in SDKS for way in WAYS if (sdk, way) != ("groq", "helper")]


def facts(made: Any) -> dict[str, Any]:
    """What programs ask about an object, in values that two runs have in common."""
    kind = type(made)
    return {
        "names": (kind.__module__, kind.__qualname__, kind.__name__),
        "Streamlit's": f"{kind.__module__}.{kind.__qualname__}",
        "own names": (made.__class__.__module__, made.__class__.__qualname__),
        "is": [isinstance(made, base) for base in kinds()],
        "is a subclass": [issubclass(kind, base) for base in kinds()],
        "is abstract": [isinstance(made, base) for base in ABSTRACT],
        "repr": repr(made).partition(" at 0x")[0],
        "dir": sorted(set(dir(made)) - {"_iterator", "__slotnames__"}),
        "doc": inspect.getdoc(made),
        "module": inspect.getmodule(kind),
        "dispatch": dispatched(made),
        "match": matched(made),
        "weak": weakref.ref(made)() is made,
        "hashes": kind.__hash__ is None or hash(made) == hash(made),
        "equal": made == copy.copy([made])[0],
        "unequal": made == object(),
        "callable": callable(made),
        "awaitable": inspect.isawaitable(made),
        "generator": (inspect.isgenerator(made), inspect.isasyncgen(made)),
        "copied": type(copy.copy(made)).__qualname__,
        "pickled": pickled(made),
    }


ABSTRACT = (Iterator, AsyncIterator, Awaitable, AbstractContextManager, AbstractAsyncContextManager)


def kinds() -> tuple[Any, ...]:
    """The public classes that an answer may have."""
    return openai.Stream, openai.AsyncStream, anthropic.Stream, anthropic.AsyncStream, openai.BaseModel


@functools.singledispatch
def dispatched(made: Any) -> str:
    """A program that chooses by type."""
    return "other"


@dispatched.register
def _(made: openai.Stream) -> str:  # pyright: ignore[reportMissingTypeArgument, reportUnknownParameterType]
    return "openai.Stream"


@dispatched.register
def _(made: anthropic.Stream) -> str:  # pyright: ignore[reportMissingTypeArgument, reportUnknownParameterType]
    return "anthropic.Stream"


def matched(made: Any) -> str:
    """The same with ``match``."""
    match made:
        case openai.Stream():
            return "openai.Stream"
        case openai.AsyncStream():
            return "openai.AsyncStream"
        case anthropic.Stream() | anthropic.AsyncStream():
            return "anthropic"
        case _:
            return "other"


def pickled(made: Any) -> bool:
    """Whether pickle takes it."""
    try:
        pickle.dumps(made)
    except (TypeError, NotImplementedError, pickle.PicklingError, AttributeError):
        return False
    return True


def ask_of(sdk: str) -> Any:
    """One call that the stub answers."""
    return {**CHAT, "model": "llama-3.3-70b-versatile"} if sdk == "groq" else CLAUDE if sdk == "anthropic" else CHAT


def asked(sdk: str, way: str, stub: StubServer, asynchronous: bool) -> Any:
    """The facts about what one way of calling gives; a stream's HTTP response has facts too."""

    async def run() -> Any:
        async with make_client(sdk, stub, asynchronous=True) as client:
            made = WAYS[way](resource_of(sdk, client)[0], ask_of(sdk))
            found = facts(await made if inspect.iscoroutine(made) else made)
            if inspect.iscoroutine(made):
                return found
            return found if not hasattr(made, "__aenter__") else [found, facts(await left(made))]

    if asynchronous:
        return asyncio.run(run())
    with make_client(sdk, stub, asynchronous=False) as client:
        made = WAYS[way](resource_of(sdk, client)[0], ask_of(sdk))
        if way in ("streaming", "helper"):
            with made as entered:
                return [facts(made), facts(entered), response_of(entered)]
        return [facts(made), response_of(made)]


async def left(manager: Any) -> Any:
    """What an asynchronous context manager gave."""
    async with manager as entered:
        return entered


def response_of(made: Any) -> Any:
    """The facts about the HTTP response of an answer that has one."""
    found = getattr(made, "response", None)
    return None if found is None else facts(found)


@pytest.mark.filterwarnings("ignore:Using `isinstance:DeprecationWarning")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("sdk", "way"), CASES)
def test_an_answer_is_of_the_sdks_own_type(
    sdk: str, way: str, asynchronous: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """Name, base, representation, attributes, copying, pickling, dispatch: as the bare SDK has it."""
    bare = asked(sdk, way, stub, asynchronous)
    meters()
    metered = asked(sdk, way, stub, asynchronous)
    assert different(metered, bare) == []


def different(metered: Any, bare: Any) -> list[Any]:
    """The facts that are not the same: name, with us, without."""
    pairs = list(zip(metered, bare, strict=True)) if isinstance(bare, list) else [(metered, bare)]
    return [
        (name, sorted({*own[name]} ^ {*fact})) if name == "dir" else (name, own.get(name), fact)
        for own, other in pairs
        for name, fact in (other or {}).items()
        if own.get(name) != fact
    ]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("sdk", SDKS)
def test_a_stream_is_the_object_that_the_sdk_made(sdk: str, asynchronous: bool, stub: StubServer, meter: Meter) -> None:
    """``type(stream) is openai.Stream``, in all ways that give a stream."""
    package: Any = __import__(sdk)

    async def run() -> None:
        async with make_client(sdk, stub, asynchronous=True) as client:
            resource = resource_of(sdk, client)[0]
            assert type(await resource.create(**ask_of(sdk), stream=True)) is package.AsyncStream
            raw = await resource.with_raw_response.create(**ask_of(sdk), stream=True)
            assert type(await settled(raw.parse())) is package.AsyncStream

    if asynchronous:
        asyncio.run(run())
        return
    with make_client(sdk, stub, asynchronous=False) as client:
        resource = resource_of(sdk, client)[0]
        assert type(resource.create(**ask_of(sdk), stream=True)) is package.Stream
        assert type(resource.with_raw_response.create(**ask_of(sdk), stream=True).parse()) is package.Stream


def test_a_stream_that_is_dropped_ends_without_the_garbage_collector(
    stub: StubServer, meter: Meter, client: openai.OpenAI
) -> None:
    """Nothing of ours makes a cycle with it: the call ends when the app drops the stream."""
    from genmeter.metering.process.reaper import reaper

    gc.disable()
    try:
        made = client.chat.completions.create(**CHAT, stream=True)
        next(iter(made))
        del made
        reaper.drain()
        assert one_call(meter)[names.STREAM_CUT] == "abandoned"
    finally:
        gc.enable()


class Own:
    """A stream of an SDK that is written in Python, with a method, a property and a class attribute."""

    colour = "red"

    def __init__(self) -> None:
        self.left = [1, 2]

    def __iter__(self) -> Own:
        return self

    def __next__(self) -> int:
        if not self.left:
            raise StopIteration
        return self.left.pop(0)

    @property
    def size(self) -> int:
        """How many are left."""
        return len(self.left)

    def peek(self) -> int:
        """The next one."""
        return self.left[0]


@pytest.mark.any_major("no SDK")
def test_a_proxy_reads_and_writes_the_object_that_it_stands_for() -> None:
    """Methods, properties and attributes that the class defines are the object's, not those of the proxy's class."""
    made = Own()
    proxy: Any = Proxy(made)
    assert type(proxy) is not Own and issubclass(type(proxy), Own) and isinstance(proxy, Own)
    assert (proxy.size, proxy.peek(), proxy.colour) == (2, 1, "red")
    made.colour = "blue"
    assert proxy.colour == "blue"
    proxy.colour = "green"
    assert made.colour == "green"
    del proxy.colour
    assert made.colour == "red"
    proxy.left = [7]
    assert (next(proxy), made.left, proxy.size) == (7, [], 0)


@pytest.mark.any_major("no SDK")
@pytest.mark.parametrize(
    "made", [iter([1]), (n for n in [1]), {"a": 1}, object()], ids=["C iterator", "generator", "dict", "object"]
)
def test_a_type_that_cannot_be_a_base_lends_its_name(made: Any) -> None:
    """Classes written in C: the names are theirs, and ``isinstance`` holds."""
    proxy = Proxy(made)
    assert (type(proxy).__module__, type(proxy).__qualname__) == (type(made).__module__, type(made).__qualname__)
    assert isinstance(proxy, type(made))
    assert repr(proxy) == repr(made)


@pytest.mark.any_major("no SDK")
def test_a_disguise_is_made_once_for_a_class_and_they_stay_bounded() -> None:
    """A program that makes classes without end fills no memory."""
    from genmeter.metering.shapes import disguise

    assert disguised(Stream, Own) is disguised(Stream, Own) is not disguised(AsyncStream, Own)
    for number in range(600):
        disguised(Stream, type(f"Made{number}", (), {}))
    assert len(disguise._disguises) <= disguise.MOST_CLASSES  # pyright: ignore[reportPrivateUsage]
