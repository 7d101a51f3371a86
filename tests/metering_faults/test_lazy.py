"""An exception at every function of ours leaves the app with its lazy generators as they were, and is counted.

On the small SDK of ``tests/metering/acme.py``, as no SDK of the locks streams in these forms.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import pytest

from genmeter.metering import guard, instrumentor
from tests.metering import acme
from tests.metering.test_families import OPERATIONS, PROVIDER

from . import inject
from .sink import Telemetry
from .test_faults import RIM, SILENT, reset, settle

LAZY_RIM = {
    "wrappers._generator.<locals>.call",
    "wrappers._made_lazy",
    *(
        f"shapes.lazy.{kind}.{name}"
        for kind in ("_Lazy", "LazyStream", "AsyncLazyStream")
        for name in ("__iter__", "__next__", "__aiter__", "__anext__", "close", "aclose", "_self_run", "_self_left")
    ),
    # They call the opener, which may reject the call, and hand its exception to the app.
    *(f"shapes.lazy.{kind}._self_first" for kind in ("LazyStream", "AsyncLazyStream")),
    "shapes.lazy._Lazy._self_open",
    "shapes.lazy._seen",
    # They take the next item from the SDK's own generator.
    *(
        f"shapes.lazy.{kind}._self_first.<locals>.{name}"
        for kind in ("LazyStream", "AsyncLazyStream")
        for name in ("step", "<lambda>")
    ),
    *(f"shapes.lazy.LazyStream.{name}" for name in ("send", "throw")),
    *(f"shapes.lazy.AsyncLazyStream.{name}" for name in ("asend", "athrow")),
    "shapes.lazy.Stepping.__init__",
    "shapes.lazy.Stepping.__await__",
    *(f"shapes.stream.EitherStream.{name}" for name in ("__iter__", "__next__", "__aiter__", "__anext__")),
}


def read() -> Any:
    return list(acme.Models().generate_stream(model="gpt-4o"))


def read_traced() -> Any:
    return list(acme.Models().traced_stream(model="gpt-4o"))


def read_made() -> Any:
    return list(acme.Models().chat(model="gpt-4o", stream=True))


def closed() -> Any:
    made: Any = acme.Models().generate_stream(model="gpt-4o")
    first = next(made)
    made.close()
    return [first, *made]


def never_read() -> Any:
    acme.Models().generate_stream(model="gpt-4o")
    return acme.SENT


def both_kinds() -> Any:
    return list(acme.Models().complete(model="gpt-4o", stream=True))


def read_async() -> Any:
    async def run() -> Any:
        return [chunk async for chunk in acme.AsyncModels().generate_stream(model="gpt-4o")]

    return asyncio.run(run())


def mapping() -> Any:
    return list(acme.Client().converse_stream(model="gpt-4o")["stream"])


WAYS = [read, read_traced, read_made, closed, never_read, both_kinds, read_async, mapping]


def outcome(way: Callable[[], Any]) -> Any:
    acme.SENT.clear()
    try:
        # In a context of its own: where leaving ours is made to fail, it stays attached.
        return [contextvars.copy_context().run(way), list(acme.SENT)]
    except Exception as error:
        return ["raised", type(error)]


@pytest.mark.parametrize("way", WAYS)
def test_every_function_of_ours_may_fail_around_a_lazy_generator(
    way: Callable[[], Any], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = outcome(way)
    monkeypatch.setattr(instrumentor, "PROVIDERS", (PROVIDER, OPERATIONS))
    telemetry.instrument()
    with inject.recording() as ran:
        assert outcome(way) == bare
    inject.forget()
    found: list[str] = []
    for code in sorted(ran, key=inject.label):
        where = inject.label(code)
        if where in RIM | LAZY_RIM:
            continue
        for variety, error in inject.VARIETIES.items():
            guard.reset()
            with inject.failing(code, error) as hits:
                got = outcome(way)
                settle()
                times = hits()
            if got != bare:
                found.append(f"{where}: {variety}: {got} instead of {bare}")
            elif times and not guard.failures and not where.startswith(SILENT) and variety != "AttributeError":
                found.append(f"{where}: {variety}: was not counted")
            reset()
    if found:
        pytest.fail("\n".join(found), pytrace=False)
