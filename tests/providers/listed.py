"""The SDKs that are listed: every file of ``sdks/`` holds one as ``SDK``."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .contract import At, Call, Expected, Sdk

LISTED: tuple[Sdk, ...] = tuple(
    import_module(f"tests.providers.sdks.{found.name}").SDK
    for found in pkgutil.iter_modules([str(Path(__file__).parent / "sdks")])
)
PRESENT = tuple(sdk for sdk in LISTED if sdk.version is not None)


class Case(NamedTuple):
    """One call of one SDK in one way."""

    sdk: Sdk
    call: Call
    way: str
    at: At
    streamed: bool
    asynchronous: bool

    @property
    def expected(self) -> Expected:
        """What it is recorded as."""
        return self.call.streamed or self.call.expected if self.streamed else self.call.expected

    @property
    def id(self) -> str:
        """``groq-chat-stream-async``."""
        return "-".join([self.sdk.name, self.call.name, self.way, "async" if self.asynchronous else "sync"])


def cases_of(sdk: Sdk, calls: tuple[Call, ...] | None = None) -> Iterator[Case]:
    """Every call of an SDK in every way, synchronous and asynchronous where the SDK has the client."""
    for call in sdk.calls if calls is None else calls:
        for streamed, ways in ((False, call.values), (True, call.streams)):
            for way, at in ways.items():
                for asynchronous, client in ((False, sdk.client), (True, sdk.async_client)):
                    if client is not None:
                        yield Case(sdk, call, way, at, streamed, asynchronous)


def plain_cases(sdk: Sdk) -> list[Case]:
    """The first call of an SDK in the plain way: whole and streamed, synchronous and asynchronous."""
    call = sdk.calls[0]
    plain = {next(iter(ways)) for ways in (call.values, call.streams) if ways}
    return [case for case in cases_of(sdk, (call,)) if case.way in plain]


def each(*, which: Callable[[Sdk], Any], names: str = "case") -> pytest.MarkDecorator:
    """Parametrize by something of each SDK that is present; all of one SDK go to one worker, which imports it once."""
    found: list[Any] = []
    for sdk in PRESENT:
        group = pytest.mark.xdist_group(f"sdk-{sdk.name}")
        for one in which(sdk):
            values = one if isinstance(one, tuple) and not isinstance(one, Case) else (one,)
            found.append(pytest.param(*values, marks=group, id="-".join(map(_id, values))))
    return pytest.mark.parametrize(names, found)


def every_sdk(sdk: Sdk) -> list[Sdk]:
    """The SDK itself: for tests that run once for each."""
    return [sdk]


def _id(value: Any) -> str:
    found = getattr(value, "id", None) or getattr(value, "name", None) or value
    return str(found)
