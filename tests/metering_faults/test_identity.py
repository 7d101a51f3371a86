"""What is patched is given back, the very same; and while it is patched nothing about it looks different."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import subprocess
import sys
from importlib import import_module, util
from typing import Any

import pytest

import genmeter
from genmeter.metering.providers import PROVIDERS
from tests.stub import StubServer

from .app import CHAT, CLAUDE, Clients
from .sink import Telemetry

MISSING = object()
Place = tuple[str, str]


def places() -> list[Place]:
    """Every (module, path) of the tables, what we patch and what we only look at."""
    found: list[Place] = []
    for provider in PROVIDERS:
        found += [(target.module, target.path) for target in provider.targets]
        found += [*((muted.module, muted.path) for muted in provider.muted), *provider.watched]
    return list(dict.fromkeys(found))


def held(place: Place) -> Any:
    """What the holder's own dictionary has there; MISSING where this version of the SDK has no such thing."""
    module, path = place
    try:
        holder = import_module(module)
    except ImportError:
        return MISSING
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner, None)
    return MISSING if holder is None else vars(holder).get(name, MISSING)


def test_every_patched_attribute_is_given_back(telemetry: Telemetry) -> None:
    before = {place: held(place) for place in places()}
    assert sum(value is not MISSING for value in before.values()) > 30
    for _ in range(3):
        telemetry.instrument()
        during = {place: held(place) for place in before}
        patched = [place for place, value in before.items() if during[place] is not value]
        assert set(patched) >= {
            (t.module, t.path) for p in PROVIDERS for t in p.targets if before[t.module, t.path] is not MISSING
        }
        genmeter.uninstrument()
        assert [place for place, value in before.items() if held(place) is not value] == []


def test_what_is_patched_looks_the_same(telemetry: Telemetry) -> None:
    def looks(function: Any) -> Any:
        return (
            inspect.signature(function),
            inspect.iscoroutinefunction(function),
            asyncio.iscoroutinefunction(function),
            function.__doc__,
            function.__qualname__,
            function.__module__,
            inspect.isfunction(function),
            inspect.getsource(function),
            isinstance(function, type(looks)),
        )

    targets = [(t.module, t.path) for p in PROVIDERS for t in p.targets]
    before = {place: looks(held(place)) for place in targets if callable(held(place))}
    telemetry.instrument()
    assert {place: looks(held(place)) for place in before} == before


def test_methods_kept_by_a_client_pass_through_and_come_back(stub: StubServer, telemetry: Telemetry) -> None:
    before = Clients(stub)
    kept_before = before.openai.chat.completions.create
    telemetry.instrument()
    clients = Clients(stub)
    kept = [
        lambda: clients.openai.chat.completions.create(**CHAT),
        lambda f=clients.openai.chat.completions.create: f(**CHAT),
        lambda f=clients.openai.chat.completions.with_raw_response.create: f(**CHAT).parse(),
        lambda f=clients.anthropic.messages.create: f(**CLAUDE),
        lambda f=clients.anthropic.messages.with_raw_response.create: f(**CLAUDE).parse(),
    ]

    def spans() -> int:
        telemetry.clear()
        for call in kept:
            assert call().id
        return len(telemetry.spans)

    assert spans() == len(kept)
    genmeter.uninstrument()
    assert spans() == 0
    telemetry.instrument()
    assert spans() == len(kept)
    genmeter.uninstrument()
    assert kept_before(**CHAT).id


def test_a_kept_stream_still_works_after_uninstrument(clients: Clients, telemetry: Telemetry) -> None:
    telemetry.instrument()
    stream = clients.openai.chat.completions.create(**CHAT, stream=True)
    manager = clients.anthropic.messages.stream(**CLAUDE)
    first = next(stream)
    genmeter.uninstrument()
    assert len(telemetry.spans) == 1, "uninstrument closes what is open"
    rest = list(stream)
    assert first.choices and all(chunk.choices for chunk in rest), "the chunk that we asked for stays hidden"
    with manager as helper:
        assert helper.get_final_message().id
    assert len(telemetry.spans) == 1


def test_results_are_the_sdks_own(clients: Clients, telemetry: Telemetry) -> None:
    bare = [clients.openai.chat.completions.create(**CHAT), clients.anthropic.messages.create(**CLAUDE)]
    chunks = [type(c) for c in clients.openai.chat.completions.create(**CHAT, stream=True)]
    telemetry.instrument()
    made = [clients.openai.chat.completions.create(**CHAT), clients.anthropic.messages.create(**CLAUDE)]
    for one, other in zip(bare, made, strict=True):
        assert type(one) is type(other)
        assert pickle.dumps(other.model_dump()) == pickle.dumps(one.model_dump())
        assert copy.copy(other) == other == copy.deepcopy(other)
        assert pickle.loads(pickle.dumps(other)) == other
    assert [type(c) for c in clients.openai.chat.completions.create(**CHAT, stream=True)] == chunks


def test_proxies_are_copied_as_what_they_stand_for(clients: Clients, telemetry: Telemetry) -> None:
    def copies() -> list[Any]:
        stream = clients.openai.chat.completions.create(**CHAT, stream=True)
        raw = clients.openai.chat.completions.with_raw_response.create(**CHAT, stream=True)
        manager = clients.anthropic.messages.stream(**CLAUDE)
        found: list[Any] = []
        for thing in (stream, raw, stream.response, manager):
            copied = copy.copy(thing)
            # The copy of a stream is the stream's own proxy, or the copy would give what only we asked for.
            kind = copied.__class__ if thing is stream or thing is raw else type(copied)
            found.append((thing.__class__, kind, hash(thing) != 0, bool(thing), thing == thing))
            for attempt in (copy.deepcopy, pickle.dumps):
                try:
                    found.append(type(attempt(thing)))
                except Exception as error:
                    found.append(type(error))
        stream.close()
        raw.http_response.close()
        return found

    bare = copies()
    telemetry.instrument()
    assert copies() == bare


BEFORE_OR_AFTER = """
import sys
from tests.metering_faults.sink import Telemetry
from tests.stub import StubServer
order, sdk = sys.argv[1:]
telemetry = Telemetry()
if order == "before":
    __import__(sdk)
    telemetry.instrument()
else:
    telemetry.instrument()
    assert not {"openai", "anthropic"} & set(sys.modules)
    __import__(sdk)
from tests.metering_faults.app import Clients, CHAT, CLAUDE
with StubServer() as stub:
    c = Clients(stub)
    c.openai.chat.completions.create(**CHAT) if sdk == "openai" else c.anthropic.messages.create(**CLAUDE)
    with c.anthropic.beta.messages.stream(**CLAUDE) as s:
        s.get_final_message()
assert len(telemetry.spans) == 2, telemetry.spans
import genmeter; genmeter.uninstrument()
"""


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_instrument_before_and_after_the_sdk_is_imported(order: str, sdk: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", BEFORE_OR_AFTER, order, sdk], check=True, timeout=60)


LIGHT = """
import sys
from genmeter.settings import Settings
import genmeter
genmeter.instrument(settings=Settings(ask_stream_usage=False))
heavy = {"openai", "anthropic", "httpx", "httpx2", "sqlite3", "http.server", "google.protobuf", "boto3"}
heavy |= {f"genmeter.{room}" for room in ("ledger", "server", "cli", "reports")}
loaded = sorted(heavy & set(sys.modules))
assert not loaded, loaded
"""


def test_instrumenting_imports_no_sdk_and_no_other_room() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True, timeout=60)


@pytest.mark.parametrize("extra", ["boto3", "google.auth"])
def test_cloud_clients_are_part_of_the_tables(extra: str) -> None:
    """Bedrock's and Vertex's beta resources hold copies of the first party's methods, whatever else is installed."""
    copies = [place for place in places() if ".bedrock." in place[0] or ".vertex." in place[0]]
    assert len(copies) == 12
    if util.find_spec(extra.split(".", maxsplit=1)[0]) is not None:
        assert all(held(place) is not MISSING for place in copies if place[1].endswith("create"))
