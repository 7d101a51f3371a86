"""The collector is killed or stopped with calls in flight, each back end down in turn: what was acknowledged arrives."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.back_ends import arrivals, measured
from tests.e2e.back_ends.traffic import Key, Sender, Traffic
from tests.stack import Stack
from tests.stack.roster import CONFIG

pytestmark = pytest.mark.xdist_group("crashes")

CALLS = 500
REPETITIONS = int(os.environ.get("GENMETER_E2E_REPETITIONS", "3"))
BACK_ENDS = ("jaeger", "loki", "prometheus", "ledger")
DOWN = {**{name: (name,) for name in BACK_ENDS}, "all four": BACK_ENDS}
HANGING = {"ledger hangs": ("ledger",), "all four hang": BACK_ENDS}
"""Halted: the connection stands, and no answer comes."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
SERVERS = (*BACK_ENDS, "otelcol")
HEAD = (
    *("queue", "down", "signal", "runs", "acknowledged before / after the signal", "seconds to end"),
    *("missing: ledger", "Jaeger", "Loki", "Prometheus", "delivered twice: ledger", "Jaeger", "Loki"),
)


@dataclass
class Run:
    """What one crash came to. ``missing`` counts acknowledged calls by store, ``twice`` those that came again."""

    queue: str
    down: str
    signal: signal.Signals
    before: int
    seconds: float
    missing: dict[str, int]
    halves: int
    """Calls of which the ledger has the span without the event, or the event without the span."""
    twice: dict[str, int]
    booked: int
    """Pico-dollars that the ledger's own total has grown by."""
    wrong: dict[Key, tuple[int | None, int]]
    """Calls in the ledger with another amount than theirs: booked, right."""
    kept_out: int
    """Calls that the ledger found contradicting or suspicious."""
    costs: int
    """What the calls cost, in pico-dollars."""


@pytest.fixture(scope="module")
def runs():
    """All runs of this module; the table of them is written at the end."""
    made: list[Run] = []
    yield made
    by_kind: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in made:
        by_kind[run.queue, run.down, run.signal.name].append(run)
    rows = [
        [
            *kind,
            len(alike),
            " / ".join(
                (measured.spread([run.before for run in alike]), measured.spread([CALLS - run.before for run in alike]))
            ),
            measured.spread([run.seconds for run in alike], 2),
            *(measured.spread([run.missing[name] for run in alike]) for name in ("ledger", *BACK_ENDS[:3])),
            *(measured.spread([run.twice[name] for run in alike]) for name in ("ledger", *BACK_ENDS[:2])),
        ]
        for kind, alike in by_kind.items()
    ]
    measured.write("what-a-crash-costs", HEAD, rows)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The shipped configuration."""
    with Stack(tmp_path_factory.mktemp("crashes"), servers=SERVERS) as running:
        yield running


@pytest.fixture(scope="module")
def stock_stack(tmp_path_factory):
    """The shipped configuration with the queue that an exporter has when nobody configures one: in memory."""
    folder = tmp_path_factory.mktemp("stock")
    with Stack(folder, collector_config=with_stock_queues(folder), servers=SERVERS) as running:
        yield running


def with_stock_queues(folder: Path) -> Path:
    config = yaml.safe_load((CONFIG / "otelcol.yaml").read_text(encoding="utf-8"))
    for exporter in config["exporters"].values():
        del exporter["sending_queue"], exporter["retry_on_failure"]
    file = folder / "otelcol-stock.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return file


@pytest.mark.parametrize("repetition", range(1, REPETITIONS + 1))
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("down", DOWN)
def test_no_acknowledged_call_is_lost_or_booked_twice(stack, runs, down, number, repetition):
    run = crash(stack, "shipped", down, number, f"{down}-{number.name}-{repetition}".replace(" ", "-"))
    runs.append(run)
    assert_whole(run)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("down", HANGING)
def test_back_ends_that_hang_delay_the_end_and_cost_nothing(stack, runs, down, number):
    run = crash(stack, "shipped", down, number, f"{down}-{number.name}".replace(" ", "-"))
    runs.append(run)
    assert_whole(run)
    # Each queue that hangs may take the 5 s of one request: five queues, so below the 30 s that Kubernetes waits.
    assert run.seconds < 30


def assert_whole(run: Run) -> None:
    assert run.missing == {"ledger": 0, "jaeger": 0, "loki": 0, "prometheus": 0}
    assert run.halves == 0
    assert not run.wrong
    assert run.booked == run.costs
    assert run.kept_out == 0


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_queue_in_memory_would_lose_what_it_holds(stock_stack, runs, number):
    run = crash(stock_stack, "in memory", "all four", number, f"stock-{number.name}", patience=8)
    runs.append(run)
    # What was acknowledged before the signal is gone, in the stores of traces and events to the last call. The ledger
    # has two chances, as span and as event, and both were in memory.
    assert run.missing["ledger"] > 0
    assert run.missing["jaeger"] > 0
    assert run.missing["loki"] > 0


def crash(stack: Stack, queue: str, down: str, number: signal.Signals, service: str, patience: float = 30.0) -> Run:
    """Back ends down, calls sent, the collector ended in the middle and started, the rest sent, back ends started."""
    booked_before = arrivals.money(stack)
    for name in (DOWN | HANGING)[down]:
        stack[name].send(signal.SIGSTOP) if down in HANGING else stack.kill(name)
    traffic = Traffic(service, CALLS)
    with Sender(stack.otlp_http, traffic.posts, pause=0.002) as sender:
        sender.wait_for(CALLS // 3)
        began = time.monotonic()
        code = stack.kill("otelcol", number)
        seconds = time.monotonic() - began
        before = sender.acknowledged
        stack.start("otelcol")
        sender.wait_for_all()
    for name in (DOWN | HANGING)[down]:
        stack[name].send(signal.SIGCONT) if down in HANGING else stack.start(name)
    # A run in which nothing was in flight would prove nothing.
    assert 0 < before < CALLS
    assert sender.again
    assert sender.refused == []
    assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    return judge(stack, queue, down, number, traffic, before, seconds, booked_before, patience)


def judge(
    stack: Stack,
    queue: str,
    down: str,
    number: signal.Signals,
    traffic: Traffic,
    before: int,
    seconds: float,
    start: tuple[int, dict[str, int]],
    patience: float,
) -> Run:
    """Wait for the stores and compare them with what was acknowledged, which by now is everything."""
    keys, service = set(traffic.pico), traffic.service
    deadline = time.monotonic() + patience

    def left() -> float:
        return max(deadline - time.monotonic(), 0.5)

    booked = arrivals.wait(
        lambda: arrivals.booked(stack, service),
        lambda found: keys <= found.keys() and all(call.both for call in found.values()),
        left(),
    )
    spans = arrivals.wait(lambda: arrivals.span_keys(stack, service), lambda found: keys <= set(found), left())
    lines = arrivals.wait(lambda: arrivals.line_keys(stack, service), lambda found: keys <= set(found), left())
    series = f'probe_calls_total{{job="{service}"}}'
    value = arrivals.wait(lambda: arrivals.sample(stack, series), lambda found: found == CALLS, left())
    total, counters = arrivals.money(stack)

    def grown(*names: str) -> int:
        return sum(counters.get(name, 0) - start[1].get(name, 0) for name in names)

    assert booked.keys() <= keys
    return Run(
        queue=queue,
        down=down,
        signal=number,
        before=before,
        seconds=seconds,
        missing={
            "ledger": len(keys - booked.keys()),
            "jaeger": len(keys - set(spans)),
            "loki": len(keys - set(lines)),
            "prometheus": CALLS - int(value or 0),
        },
        twice={
            "ledger": grown("duplicates"),
            "jaeger": len(spans) - len(set(spans)),
            "loki": len(lines) - len(set(lines)),
        },
        booked=total - start[0],
        halves=sum(not call.both for call in booked.values()),
        wrong={key: (call.pico, traffic.pico[key]) for key, call in booked.items() if call.pico != traffic.pico[key]},
        kept_out=grown("conflicts", "suspected", "late"),
        costs=sum(traffic.pico.values()),
    )
