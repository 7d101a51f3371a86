"""The small costs on their own: pricing a call, passing a suppressed one through, what is left to the collection."""

from __future__ import annotations

import gc
from collections.abc import Callable
from statistics import median
from time import process_time_ns, time

import wrapt
from opentelemetry.context import get_current
from opentelemetry.trace import SpanKind

import genmeter
from genmeter import attribution
from genmeter.metering import wrappers
from genmeter.metering.coexist import Site
from genmeter.metering.providers.bedrock import BOTO3
from genmeter.metering.stages.attribute import admit
from genmeter.metering.telemetry import Telemetry
from genmeter.model import Invocation, Request, Seller, Usage
from genmeter.pricing import Catalogue, Question
from genmeter.pricing.question import asked
from genmeter.settings import BudgetTable, Settings

from . import contenders
from .contenders import Contender
from .results import Row
from .rounds import Figure, differences, measure
from .scenarios import BY_NAME, Scenario
from .sinks import Sinks

GROUP = "by itself"
LEAVING = ("oai_chat_alone", "oai_embed", "ant_msg_alone")
PRICE = 0.84
"""Target: µs to price a call."""
PAYER = 3.0
"""Target: µs to find who pays, with policy and budget; 4.5 before hashes and names were made once."""
BLOCK = 15.0
"""Target: µs that a workflow, an agent or a tool costs more than a bare span."""
FOREIGN = 1.5
"""Target: µs that a call of AWS costs more that runs no model."""


def repeat(function: Callable[[], object], number: int = 2000, times: int = 25) -> Figure:
    """µs of CPU time for one run of ``function``, over ``times`` loops of ``number``."""
    loop = range(number)
    taken: list[float] = []
    gc.collect()
    for _ in range(times):
        begun = process_time_ns()
        for _ in loop:
            function()
        taken.append((process_time_ns() - begun) / 1e3 / number)
    return Figure.of(taken)


def price() -> Row:
    """``Catalogue.price`` of a plain text call, asked as the price stage asks."""
    catalogue, usage, now = Catalogue.bundled(), Usage(1200, 80), time()

    def ask() -> object:
        values = ("openai", "gpt-4o", "gpt-4o-2024-08-06", usage, now, "default", False, None, False)
        return catalogue.price(asked(Question, values))

    return Row(GROUP, "µs", "price of a call", repeat(ask), PRICE)


def payer() -> Row:
    """The first stage of a call: who pays, the policy and a budget, as the engine asks for them."""
    budget = {"amount": "1000", "period": "month", "scope": {"department": "research"}, "on_exceed": "reject"}
    settings = Settings(
        user_key=bytes(32),
        unattributed="tag",
        required=("department",),
        budgets=BudgetTable({"research": budget}, "genmeter.toml", ""),
    )
    telemetry = Telemetry(settings, Catalogue.bundled())
    invocation = Invocation("chat", Seller("openai", "openai"), Request("gpt-4o"))
    with attribution(user="ada", department="research", application="desk", session="s-1"):
        context = get_current()

    def ask() -> object:
        return admit(invocation, telemetry, context)

    return Row(GROUP, "µs", "who pays for a call, and may it", repeat(ask), PAYER)


def yardstick() -> Row:
    """A span of 15 attributes with the bare SDK: how fast this machine is just now."""
    tracer = Sinks().tracers.get_tracer("bench")
    start = {f"bench.start.{number}": "value" for number in range(5)}
    rest = {f"bench.rest.{number}": number for number in range(10)}

    def span() -> None:
        made = tracer.start_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=start)
        made.set_attributes(rest)
        made.end()

    note = "a yardstick: 15 where the targets were set"
    return Row(GROUP, "µs", "a span of 15 attributes, bare", repeat(span, 300), None, note)


def blocks(times: int = 25, number: int = 300) -> list[Row]:
    """What a workflow, an agent and a tool cost above a span with three attributes, and what they leave to a collection."""
    sinks, rows = Sinks(), list[Row]()
    tracer = sinks.tracers.get_tracer("bench")
    attributes = {f"bench.{place}": "value" for place in range(3)}

    def bare() -> None:
        with tracer.start_as_current_span("invoke_agent triage", kind=SpanKind.INTERNAL, attributes=attributes):
            pass

    def in_workflow() -> None:
        with genmeter.workflow("refunds"):
            pass

    def in_agent() -> None:
        with genmeter.agent("triage"):
            pass

    def in_tool() -> None:
        with genmeter.tool("find_order"):
            pass

    genmeter.instrument(**sinks.providers(), settings=Settings())
    try:
        for word, block in (("a workflow", in_workflow), ("an agent", in_agent), ("a tool", in_tool)):
            above: list[float] = []
            left: list[float] = []
            for _ in range(times):
                alone, inside = (_taken(function, number) for function in (bare, block))
                above.append(inside - alone)
                # fewer than the points that are folded aside, so that all of them wait for this collection
                left.append(_taken(sinks.reader.collect, 1) / number)
            rows.append(Row(GROUP, "µs", f"{word} above its bare span", Figure.of(above), BLOCK))
            rows.append(Row(GROUP, "µs", f"{word} leaves to the collection", Figure.of(left)))
    finally:
        genmeter.uninstrument()
    return rows


def _taken(function: Callable[[], object], number: int) -> float:
    """µs of CPU time for each of ``number`` runs."""
    gc.collect()
    begun = process_time_ns()
    for _ in range(number):
        function()
    return (process_time_ns() - begun) / 1e3 / number


def foreign() -> Row:
    """What a call of another service of AWS costs more: botocore has one method for the operations of all services."""

    class Client:
        def _make_api_call(self, operation_name: str, api_params: dict[str, object]) -> None:
            return None

    client, method = Client(), Client._make_api_call

    def ask() -> object:
        return client._make_api_call("PutObject", {})

    bare = repeat(ask).median
    entry = wrappers.Entry(BOTO3, BOTO3.targets[0], Site(Client, method.__name__), [], method)
    setattr(Client, method.__name__, wrapt.FunctionWrapper(method, wrappers.wrapper(entry, method)))
    return Row(GROUP, "µs", "a call of AWS that runs no model", repeat(ask).plus(-bare), FOREIGN)


def suppressed(metered: Contender, seconds: float, rounds: int) -> list[Row]:
    """What a wrapper costs a call that is not to be looked at."""
    rows: list[Row] = []
    quiet = contenders.suppressed(metered)
    for name in ("oai_chat_alone", "oai_chat_async_alone"):
        blocks = measure(BY_NAME[name], [contenders.bare(), quiet], seconds / 2, rounds)
        figure = Figure.of(differences(blocks, "suppressed", "bare"))
        kind = "async" if "async" in name else "sync"
        rows.append(Row(GROUP, "µs", f"a suppressed call, {kind}", figure))
    return rows


def deferred(contender: Contender, scenario: Scenario, times: int, calls: int = 100) -> Figure:
    """µs a call that are left to the next collection: the first after ``calls`` calls, less one with nothing new."""
    left: list[float] = []
    call = contender.call(scenario)
    with scenario.session() as client, contender:
        for _ in range(times):
            for _ in range(calls):
                call(client)
            full = _collection(contender)
            idle = median(_collection(contender) for _ in range(3))
            left.append((full - idle) / 1e3 / calls)
    return Figure.of(left)


def all_deferred(contender: Contender, times: int) -> dict[str, Figure]:
    """By what is called, which alone decides what is left: ``oai_chat`` also stands for its async twin."""
    return {BY_NAME[name].method: deferred(contender, BY_NAME[name], times) for name in LEAVING}


def deferred_rows(left: dict[str, dict[str, Figure]]) -> list[Row]:
    """One row a contender and call."""
    return [
        Row(GROUP, "µs", f"{call}: {who} leaves to the collection", figure)
        for who, figures in left.items()
        for call, figure in figures.items()
    ]


def _collection(contender: Contender) -> int:
    begun = process_time_ns()
    contender.collect()
    return process_time_ns() - begun
