"""Where somebody asked for no instrumentation there is none, and it costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import Any

import pytest
from opentelemetry.context import Context, attach, create_key, detach, set_value
from opentelemetry.instrumentation.utils import suppress_instrumentation  # pyright: ignore[reportUnknownVariableType]

import genmeter
from genmeter.metering.coexist import SHARED_KEYS
from tests.stub import StubServer

from .app import CHAT, CLAUDE, Clients
from .sink import Telemetry


class Within:
    """A context with one key set."""

    def __init__(self, key: str, value: Any = True) -> None:
        self.key, self.value = key, value

    def __enter__(self) -> None:
        self._token = attach(set_value(self.key, self.value))

    def __exit__(self, *_: object) -> None:
        detach(self._token)


SUPPRESSIONS: dict[str, Callable[[], Any]] = {
    "opentelemetry": suppress_instrumentation,
    "key": lambda: Within("suppress_instrumentation"),
}


def calls(c: Clients) -> None:
    """One of each shape."""
    c.openai.chat.completions.create(**CHAT)
    list(c.openai.chat.completions.create(**CHAT, stream=True))
    with c.openai.chat.completions.stream(**CHAT) as events:
        list(events)
    c.openai.chat.completions.with_raw_response.create(**CHAT).parse()
    c.anthropic.messages.create(**CLAUDE)
    with c.anthropic.messages.stream(**CLAUDE) as helper:
        helper.get_final_message()


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_nothing_is_emitted(name: str, stub: StubServer, telemetry: Telemetry) -> None:
    telemetry.instrument()
    clients = Clients(stub)  # of its own: a raw view made before `instrument` keeps the SDK's own method
    before = len(stub.requests)
    with SUPPRESSIONS[name]():
        calls(clients)
    assert telemetry.spans == [] and telemetry.logs == []
    assert telemetry.metric("gen_ai.client.inference.duration") == {} == telemetry.metric("genmeter.cost.usd")
    assert not any("stream_options" in request.fields for request in stub.requests[before:]), "nor anything asked for"
    calls(clients)
    assert len(telemetry.spans) == 6


@pytest.mark.peer
def test_the_official_keys_are_ours_to_honour() -> None:
    """Their values, should util-genai not be installed here to compare with."""
    genai = pytest.importorskip("opentelemetry.util.genai.invocation", reason="the official packages are not installed")
    assert {key for key, _ in SHARED_KEYS.values()} == {
        genai.CLIENT_INFERENCE_CONTEXT_KEY,
        genai.CLIENT_EMBEDDING_CONTEXT_KEY,
        genai.CLIENT_FETCH_RESPONSE_CONTEXT_KEY,
    }
    assert all(hasattr(genai, kind) for _, kind in SHARED_KEYS.values())


class Resource:
    """Stands where an SDK's resource would, so that nothing but the wrapper is timed."""

    _client = None

    def create(self, **kwargs: Any) -> Any:
        return kwargs


def test_a_suppressed_call_costs_microseconds(monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry) -> None:
    """1-3 µs here; the bound leaves room for a busy machine."""
    from openai.resources.chat import completions

    monkeypatch.setattr(completions.Completions, "create", Resource.create)
    bare = best(completions.Completions.create)
    telemetry.instrument()
    patched = completions.Completions.create
    with suppress_instrumentation():
        suppressed = best(patched)
    genmeter.uninstrument()
    off = best(patched)
    print(f"\nbare {bare * 1e6:.2f} µs, suppressed {suppressed * 1e6:.2f} µs, taken off {off * 1e6:.2f} µs")
    assert suppressed - bare < 15e-6
    assert off - bare < 8e-6


def best(create: Any, rounds: int = 20, calls: int = 500) -> float:
    """Seconds of this thread's processor time for a call, the best of some rounds: other processes do not count."""
    resource, found = Resource(), list[float]()
    for _ in range(rounds):
        begun = thread_time()
        for _ in range(calls):
            create(resource, model="m")
        found.append((thread_time() - begun) / calls)
    return min(found)


def test_contexts_of_others_are_not_taken_for_suppression(clients: Clients, telemetry: Telemetry) -> None:
    telemetry.instrument()
    token = attach(Context({create_key("suppress_http_instrumentation"): True, "suppress_instrumentation": False}))
    try:
        clients.openai.chat.completions.create(**CHAT)
    finally:
        detach(token)
    assert len(telemetry.spans) == 1
