"""10,000 calls a second for a minute, each booked once at its price; and what pricing them costs the collector."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.back_ends import arrivals, measured
from tests.e2e.back_ends.load import machine, pipeline
from tests.e2e.back_ends.load.sender import Load, Sending, Sent
from tests.e2e.back_ends.load.spans import PAIR_PICO
from tests.stack import Stack
from tests.stack.asking import jaeger_trace

pytestmark = [pytest.mark.xdist_group("load"), pytest.mark.timeout(400)]

RATE = 10_000
SECONDS = 60
PAIRS = int(os.environ.get("GENMETER_E2E_PAIRS", "2"))
PAIR_SECONDS = float(os.environ.get("GENMETER_E2E_PAIR_SECONDS", "8"))
DRAIN_SECONDS = 120
DERIVED_SECONDS = 40
"""The collector writes the series that it derives every few seconds."""
OVERHEAD = 0.10
"""What pricing may add to the CPU time of a span, beside the same pipeline without it."""
MOST_MIB = 400
"""Memory of the collector's own; it would begin to refuse at 1,200. What its queues map from their files comes on top."""
DISTURBED = 0.1
"""Share of the collector's cores that others may use while a rate is judged."""
TRACES = 10_000
"""Kept by Jaeger, which holds them in memory: a sample of what it has taken."""
COSTS = {"gpt-5.4-mini": 0.00225, "claude-sonnet-4-5": 0.00585}
CORES = machine.cores()
SERVERS = ("ledger", "jaeger", "loki", "prometheus")

PRICED_HERE = "unpriced spans, genai_cost"
SAME_WORK = "the same spans with their cost, no genai_cost"
NO_COST = "unpriced spans, no genai_cost"
VARIANTS = (PRICED_HERE, SAME_WORK, NO_COST)
HEAD = (
    *("run", "spans", "bytes a span", "acknowledged/s", "CPU µs a span", "of its two cores", "others there"),
    *("own MiB", "with mapped files MiB", "booked", "booked/s", "drained after s", "ledger CPU µs", "sender CPU µs"),
)


@dataclass(frozen=True)
class Run:
    """What one load came to, from the first span to the empty queues."""

    variant: str
    round: int
    """Of which round it is a part, from 1; 0: of none."""
    sent: Sent
    counts: pipeline.Counts
    booked: pipeline.Booked
    shown: dict[str, dict[str, Any]]
    """By model, the attributes of a call in Jaeger."""
    seconds: float
    drained: float
    cpu: float
    others_cpu: float
    """What everybody else has used of the collector's cores."""
    ledger_cpu: float
    peak_mib: float
    own_mib: float

    @property
    def cpu_us(self) -> float:
        """CPU time of the collector for each span, in microseconds."""
        return self.cpu / self.sent.acknowledged * 1e6

    @property
    def others(self) -> float:
        """The share of the collector's cores that everybody else had."""
        return self.others_cpu / self.seconds / len(CORES.collector)

    def row(self) -> list[object]:
        """As the table shows it."""
        spans, rate = self.sent.acknowledged, self.sent.acknowledged / self.sent.seconds
        return [
            *(f"{self.variant}, {self.sent.seconds:.0f} s", f"{spans:,}"),
            *(f"{self.sent.bytes_a_span:.0f}", f"{rate:,.0f}"),
            *(f"{self.cpu_us:.1f}", f"{self.cpu / self.seconds / len(CORES.collector):.0%}", f"{self.others:.0%}"),
            *(f"{self.own_mib:.0f}", f"{self.peak_mib:.0f}"),
            *(f"{self.booked.calls:,}", f"{self.booked.calls / self.seconds:,.0f}", f"{self.drained:.1f}"),
            *(f"{self.ledger_cpu / spans * 1e6:.1f}", f"{self.sent.cpu_seconds / spans * 1e6:.1f}"),
        ]


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The configuration of each variant; both files are written alike."""
    folder = tmp_path_factory.mktemp("configs")
    whole = pipeline.written(pipeline.shipped(), folder / "shipped.yaml")
    bare = pipeline.written(pipeline.without_processor(), folder / "without.yaml")
    return {PRICED_HERE: whole, SAME_WORK: bare, NO_COST: bare}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers but the collector, which each run starts anew; it gets two cores, and they and the sender the others."""
    folder = tmp_path_factory.mktemp("load")
    with (
        machine.on(CORES.others),
        Stack(folder, servers=SERVERS, env={"JAEGER_MAX_TRACES": str(TRACES)}) as up,
    ):
        yield up


@pytest.fixture(scope="module")
def runs() -> Iterator[list[Run]]:
    """All runs of this module; the tables of them are written and shown at the end."""
    made: list[Run] = []
    yield made
    beside: list[list[object]] = []
    for against in (SAME_WORK, NO_COST):
        if ratios := overheads(made, against):
            each = " ".join(f"{ratio:+.1%}" for ratio in ratios)
            beside.append([f"{PRICED_HERE}, beside: {against}", f"{statistics.median(ratios):+.1%}", each])
    print(f"\n{CORES}; spans only, all of them calls; load of the machine {os.getloadavg()[0]:.1f}")
    for name, head, rows in (
        ("what-load-costs", HEAD, [one.row() for one in made]),
        ("what-pricing-costs", ("CPU time of a span", "median", "pairs"), beside),
    ):
        if rows:
            measured.write(name, head, rows)
            print(*(" | ".join(map(str, row)) for row in (head, *rows)), sep="\n")


@contextmanager
def loaded(
    stack: Stack, configs: dict[str, Path], variant: str, service: str, seconds: float, number: int = 0
) -> Iterator[Run]:
    """Start a collector, send at the rate, wait until its queues are empty; it is stopped at the end."""
    stack.otelcol.command[-1] = str(configs[variant])
    with machine.on(CORES.collector):
        stack.start("otelcol")
    try:
        yield run(stack, variant, service, seconds, number)
    finally:
        stack.stop("otelcol")


def run(stack: Stack, variant: str, service: str, seconds: float, number: int) -> Run:
    """Send at the rate, wait until the queues are empty."""
    pid, ledger = stack.otelcol.pid, stack.ledger.pid
    before, ledger_before, busy_before = used(pid, ledger)
    began = time.monotonic()
    wanted = Load(stack.otlp_http, service, RATE, seconds, priced=variant == SAME_WORK)
    with machine.OwnMemory(pid) as memory, Sending(wanted) as sending:
        sent = sending.result()
        ended = time.monotonic()
        counts = pipeline.until_drained(stack, sent.acknowledged, DRAIN_SECONDS)
        now = time.monotonic()
        cpu, ledger_cpu, busy = used(pid, ledger)
    return Run(
        variant=variant,
        round=number,
        sent=sent,
        counts=counts,
        booked=pipeline.booked(stack, service),
        shown={model: shown(stack, service, model) for model in COSTS},
        seconds=now - began,
        drained=now - ended,
        cpu=cpu - before,
        others_cpu=busy - busy_before - (cpu - before),
        ledger_cpu=ledger_cpu - ledger_before,
        peak_mib=machine.peak_mib(pid),
        own_mib=memory.most,
    )


def used(collector: int, ledger: int) -> tuple[float, float, float]:
    """CPU seconds so far of the two processes, and of the collector's cores."""
    return machine.cpu_seconds(collector), machine.cpu_seconds(ledger), machine.busy_seconds(CORES.collector)


def shown(stack: Stack, service: str, model: str) -> dict[str, Any]:
    """The attributes that Jaeger has of a service's latest call to a model, but for the one that is new each time."""
    (span,) = jaeger_trace(stack, pipeline.latest_trace(stack, service, model))
    return {key: value for key, value in span.attributes.items() if key != "gen_ai.response.id"}


def overheads(runs: list[Run], against: str) -> list[float]:
    """What genai_cost adds to a span's CPU time, round by round."""
    costs = {(made.round, made.variant): made.cpu_us for made in runs if made.round}
    rounds = [number for number, variant in costs if variant == against and (number, PRICED_HERE) in costs]
    return [costs[number, PRICED_HERE] / costs[number, against] - 1 for number in rounds]


def spread(runs: list[Run], variant: str) -> float:
    """By how much the dearest run of a variant is above its cheapest one."""
    costs = [made.cpu_us for made in runs if made.variant == variant]
    return max(costs) / min(costs) - 1


def test_ten_thousand_calls_a_second_for_a_minute_are_each_booked_at_their_price(stack, configs, runs):
    spans = RATE * SECONDS
    series, money = (f'sum(genmeter_collector_{name}_total{{job="minute"}})' for name in ("calls", "cost_usd"))
    with loaded(stack, configs, PRICED_HERE, "minute", SECONDS) as made:
        runs.append(made)
        # Another counter, on another way: from the priced spans to Prometheus, some seconds later.
        derived = arrivals.wait(lambda: arrivals.sample(stack, series), lambda found: found == spans, DERIVED_SECONDS)
        derived_money = arrivals.sample(stack, money)
        failed_points = pipeline.failed_points(stack)
    pipeline.assert_whole(spans, made.sent, made.counts, made.booked)
    # A machine of two cores, or one that is busy with something else, may take longer for the same.
    if CORES.apart and made.others < DISTURBED:
        assert spans / made.sent.seconds > RATE * 0.95
    # All of them priced by genai_cost: a pair costs $0.00225 + $0.00585, and 300,000 pairs are $2,430.
    assert made.booked.sources == {"collector": spans}
    assert made.booked.pico == spans // 2 * PAIR_PICO == 2_430 * 10**12
    assert {model: attributes["gen_ai.usage.cost.amount"] for model, attributes in made.shown.items()} == COSTS
    assert failed_points == 0
    assert derived == spans
    assert derived_money == pytest.approx(2_430, rel=1e-9)  # doubles, added up
    assert made.own_mib < MOST_MIB


def test_pricing_adds_at_most_a_tenth_to_what_a_span_costs_the_collector(stack, configs, runs):
    rounds: list[Run] = []
    for number in range(1, PAIRS + 1):
        # There and back again: what changes with time, such as the size of the ledger, meets each as often first.
        for variant in VARIANTS[:: 1 if number % 2 else -1]:
            service = f"round-{number}-{VARIANTS.index(variant)}"
            with loaded(stack, configs, variant, service, PAIR_SECONDS, number) as made:
                rounds.append(made)
                runs.append(made)
            pipeline.assert_whole(round(RATE * PAIR_SECONDS), made.sent, made.counts, made.booked)
    # The same work behind it: what arrives priced is what genai_cost would have made of it, to the last attribute.
    first = {made.variant: made for made in rounds[: len(VARIANTS)]}
    assert first[PRICED_HERE].shown == first[SAME_WORK].shown
    assert "gen_ai.usage.cost.amount" not in first[NO_COST].shown["gpt-5.4-mini"]
    # A busy machine makes runs of one kind differ by more than what is measured, and the bound gives way by as much.
    noise = max(spread(rounds, variant) for variant in (PRICED_HERE, SAME_WORK))
    assert statistics.median(overheads(rounds, SAME_WORK)) <= OVERHEAD + noise
