"""Enforcement fails closed and metering fails open, whichever function of ours fails while a call is opened."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import pickle
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest

import genmeter
from genmeter import names
from genmeter.metering import guard
from genmeter.metering.payers.rules import RejectedCall, UncheckedCall
from genmeter.settings import BudgetTable, Settings
from tests.stub import StubServer

from . import inject
from .app import WAYS, Clients, outcome
from .sink import Telemetry, sellers
from .test_faults import RIM, SILENT, reset

pytestmark = pytest.mark.any_major("a call is opened alike on every major")

OPENED = (
    "chat",
    "chat_stream",
    "chat_helper",
    "message_stream",
    "message_helper",
    "async_chat",
    "async_message_helper",
)
"""A way of each kind of wrapper: a method, a coroutine function, a context manager."""
OUTSIDE = RIM | {"wrappers.unchecked"}
"""The barrier itself, and what stands between the app and the SDK: see ``test_faults``."""
QUIET = (*SILENT, "dialects.")
"""Failing there is an answer too: a parameter that cannot be read costs its own attribute."""
ASKED = ("chat_stream", "chat_helper")
"""Streams that report their usage only when they are asked: after a fault the app's arguments stay as they are."""
UNRECORDED = {
    "call.answer.Answer.__init__": "the record of the answer cannot be made",
    "call.observation.Observation.__init__": "the call itself cannot be made",
    "call.signals.Signals.__init__": "what the call sends out cannot be made",
    "call.engine.Engine.open": "the engine's door",
    "stages.attribute.admit": "the rules: were they skipped, a call would pass them",
    "dialects.values.text": "reads the answer too",
    "texts.bounded": "bounds each name, of the bare record too",
}
"""Functions without which not even a bare record can be made; with a reason. The call itself goes on."""


def spent(stub: StubServer) -> Settings:
    """A reject budget that the first call spends, whatever its model, seller or department is."""
    row = {"amount": "0.000000000001", "period": "quarter", "on_exceed": "reject"}
    return Settings(
        sellers=sellers(stub),
        attribution={"department": "research", "user": "ada@example.com"},
        user_key=b"0123456789abcdef",
        budgets=BudgetTable({"all": row}, "genmeter.toml", ""),
    )


def unpaid(stub: StubServer) -> Settings:
    """A policy that no call of the ways fulfils."""
    return Settings(sellers=sellers(stub), unattributed="reject", required=("session",))


def refused(way: Any, clients: Clients, runner: asyncio.Runner) -> bool:
    """Whether a way ends with a refusal of ours. What it says is not read: that would be code of ours too."""
    context = contextvars.copy_context()
    try:
        made = context.run(way, clients)
        if inspect.isawaitable(made):
            runner.run(made, context=context)  # type: ignore[arg-type]
    except RejectedCall:
        return True
    except Exception:
        return False
    return False


def opening(way: Any, clients: Clients, runner: asyncio.Runner) -> list[CodeType]:
    """The functions of ours that run while a call is opened, up to its refusal."""
    with inject.recording() as ran:
        assert refused(way, clients, runner)
    inject.forget()
    found = (code for code in ran if inject.label(code) not in OUTSIDE)
    # an event loop sets signal handlers, which the ends of a process look at
    return sorted((code for code in found if not inject.label(code).startswith("process.exits.")), key=inject.label)


@pytest.fixture(scope="module")
def clients(stub: StubServer) -> Clients:
    """The real clients of the session's stub."""
    return Clients(stub)


@pytest.mark.parametrize("name", OPENED)
@pytest.mark.parametrize("rules", [spent, unpaid])
def test_a_fault_lets_no_call_pass_a_rule_that_rejects(
    rules: Callable[[StubServer], Settings],
    name: str,
    clients: Clients,
    runner: asyncio.Runner,
    stub: StubServer,
    telemetry: Telemetry,
) -> None:
    """Every function that runs on the way to the refusal is made to fail: nothing is sent, and the fault is counted."""
    telemetry.instrument(rules(stub))
    way = WAYS[name]
    if rules is spent:
        assert outcome(way, clients, runner)[0] != "raised"
    found: list[str] = []
    codes = opening(way, clients, runner)
    assert len(codes) > 10
    before = len(stub.requests)
    for code in codes:
        for variety, error in inject.VARIETIES.items():
            guard.reset()
            with inject.failing(code, error) as hits:
                stopped = refused(way, clients, runner)
                times = hits()
            where = f"{inject.label(code)}: {variety}"
            if not stopped or len(stub.requests) != before:
                found.append(f"{where}: passed")
            elif times and not guard.failures and not inject.label(code).startswith(QUIET):
                found.append(f"{where}: was not counted")
            before = len(stub.requests)
            reset()
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize("name", OPENED)
def test_a_fault_while_opening_leaves_a_bare_record(
    name: str,
    clients: Clients,
    runner: asyncio.Runner,
    stub: StubServer,
    telemetry: Telemetry,
) -> None:
    """Without a rule that rejects: the app gets its answer, the event has model, duration and tokens, and all is counted."""
    settings = Settings(sellers=sellers(stub), unattributed="tag", attribution={"department": "research"})
    telemetry.instrument(settings)
    way = WAYS[name]
    expected = outcome(way, clients, runner)
    (event,) = telemetry.logs_of_ours()
    asked, tokens = event.attributes[names.REQUEST_MODEL], event.attributes[names.INPUT_TOKENS]
    genmeter.uninstrument()
    telemetry.instrument(Settings(sellers=sellers(stub), unattributed="reject", required=("session",)))
    codes = opening(way, clients, runner)
    genmeter.uninstrument()
    telemetry.instrument(settings)
    found: list[str] = []
    for code in codes:
        where = inject.label(code)
        guard.reset()
        telemetry.clear()
        with inject.failing(code, inject.VARIETIES["ValueError"]) as hits:
            got = outcome(way, clients, runner)
            gc.collect(0)
            times = hits()
        if got != expected:
            found.append(f"{where}: the app got {str(got)[:200]}")
        elif times and not guard.failures and not inject.label(code).startswith(QUIET):
            found.append(f"{where}: was not counted")
        elif where not in UNRECORDED:
            found += [f"{where}: {fault}" for fault in faults_of(telemetry, asked, None if name in ASKED else tokens)]
        reset()
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def faults_of(telemetry: Telemetry, model: str, tokens: int | None) -> Iterator[str]:
    """What is missing in the one record."""
    events = telemetry.logs_of_ours()
    if len(events) != 1:
        yield f"{len(events)} events"
        return
    held = events[0].attributes
    if held.get(names.REQUEST_MODEL) != model:
        yield "no model"
    if tokens is not None and held.get(names.INPUT_TOKENS) != tokens:
        yield "no tokens"
    if not held.get(names.CALL_DURATION):
        yield "no duration"


def test_a_call_that_could_not_be_counted_is_counted_before_the_next_is_let_through(
    clients: Clients, stub: StubServer, telemetry: Telemetry
) -> None:
    """The fault comes after the answer, once: the next call finds the budget spent. While it lasts, no call passes."""
    telemetry.instrument(spent(stub))
    code = next(code for code in inject.functions() if inject.label(code) == "payers.limits.Limits._covers")
    inject.forget()
    sent = len(stub.requests)
    with inject.failing(code, inject.VARIETIES["ValueError"]), pytest.raises(UncheckedCall):
        WAYS["chat"](clients)
    booking = next(code for code in inject.functions() if inject.label(code) == "payers.limits._Limit.book")
    with inject.failing(booking, inject.VARIETIES["ValueError"]):
        WAYS["chat"](clients)
        with pytest.raises(UncheckedCall):
            WAYS["chat"](clients)
    with pytest.raises(genmeter.BudgetExceeded):
        WAYS["chat"](clients)
    assert len(stub.requests) == sent + 1


def test_failures_are_in_the_metric(clients: Clients, stub: StubServer, telemetry: Telemetry) -> None:
    telemetry.instrument(Settings(sellers=sellers(stub), unattributed="reject", required=("session",)))
    code = next(code for code in inject.functions() if inject.label(code) == "payers.attributor.Attributor.find")
    with inject.failing(code, inject.VARIETIES["ValueError"]), pytest.raises(UncheckedCall):
        WAYS["chat"](clients)
    assert telemetry.metric(names.INTERNAL_FAILURES) == {((names.FAILURE_SITE, "attribute"),): 1}


def test_the_refusal_says_what_happened_and_survives_a_process_pool() -> None:
    refusal = UncheckedCall("the budgets", "ValueError")
    assert isinstance(refusal, RejectedCall) and isinstance(refusal, RuntimeError)
    assert "the budgets" in str(refusal) and "ValueError" in str(refusal) and "\n" not in str(refusal)
    assert str(pickle.loads(pickle.dumps(refusal))) == str(refusal)
