"""What the rules cost on ten thousand series of ours: a real Prometheus on a week of history, with every shipped rule.

The history is made as blocks, with each record at the interval at which its group runs, so that the long windows read
what they would read in a Prometheus that has run for a week. What an evaluation costs does not depend on how often it
is done; so all groups run every few seconds here, and the figures are for the intervals in the shipped files.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import urlencode

import pytest

from genmeter.names import SECONDS_BUCKETS, TOKEN_BUCKETS
from tests.collector.files import read
from tests.collector.promql import RULES, rules
from tests.e2e.back_ends.backfill import alone
from tests.e2e.back_ends.measured import spread, write
from tests.stack.asking import until
from tests.stack.loopback import get, get_json
from tests.stack.roster import CONFIG, program
from tests.stack.server import Server
from tests.stack.watchdog import Watchdog

SECONDS_AN_INTERVAL = 1.0
"""The promise, of all groups together."""
EVERY = 3
"""Seconds between evaluations here."""
ROUNDS = 5
MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = 7 * DAY
MODELS = [("openai", f"gpt-{number}") for number in range(6)] + [
    ("anthropic", f"claude-{number}") for number in range(6)
]
DEPARTMENTS, OWN, FOREIGN = 10, 30, 15
"""Departments, applications with genmeter, and applications that the collector meters."""
HISTOGRAMS = {
    "gen_ai_client_inference_duration_seconds": SECONDS_BUCKETS,
    "gen_ai_client_inference_time_to_first_chunk_seconds": SECONDS_BUCKETS,
    "gen_ai_client_inference_time_per_output_chunk_seconds": SECONDS_BUCKETS,
    "gen_ai_client_inference_operation_input_tokens": TOKEN_BUCKETS,
    "gen_ai_client_inference_operation_output_tokens": TOKEN_BUCKETS,
}
COUNTERS = (
    "genmeter_cost_usd_total",
    *(
        f"gen_ai_client_inference_usage_{kind}_tokens_total"
        for kind in ("input", "output", "cache_read_input", "cache_write_input", "reasoning_output")
    ),
)
INTERVALS = {
    group["name"]: {"15s": 15, "1m": 60, "2m": 120}[group.get("interval", "15s")]
    for file in sorted(RULES.glob("*.yaml"))
    for group in read(file)["groups"]
}
"""Seconds between evaluations as shipped, by group."""
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Stretch:
    """A piece of history: from so many seconds ago, until so many ago, a sample every `step` seconds."""

    since: int
    step: int
    until: int = 0
    scale: float = 1.0


RAW = Stretch(20 * MINUTE, 15)
HOURLY = Stretch(70 * MINUTE, 15)
WEEK_AGO = WEEK + 10 * MINUTE
RECORDS = {
    # record: what is read of it; the step is the interval of its group
    "application:genmeter_cost_usd:rate5m": [Stretch(25 * HOUR, 15)],
    "application:genmeter_tokens:rate5m": [Stretch(2 * HOUR, 15)],
    "application:genmeter_calls:rate5m": [Stretch(2 * HOUR, 15)],
    "application:genmeter_calls:rate30m": [Stretch(WEEK_AGO, 15, WEEK - 10 * MINUTE)],
    "application:genmeter_cost_usd:increase1h": [Stretch(WEEK + 2 * HOUR, 120)],
    "application:genmeter_cost_usd_per_1k_tokens:ratio_rate1h": [Stretch(WEEK + 2 * HOUR, 120)],
    "application:genmeter_cost_usd:deviation": [Stretch(WEEK + 2 * HOUR, 120)],
    "application:genmeter_cost_usd:increase1d": [Stretch(WEEK_AGO, 120, WEEK - 10 * MINUTE)],
    "application:genmeter_tokens:rate30m": [Stretch(WEEK_AGO, 120, WEEK - 10 * MINUTE), Stretch(25 * HOUR, 120)],
}


def text(name: str, labels: Labels) -> str:
    """A series as it is written: name{label="value"}."""
    written = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{written}}}"


def histogram(name: str, labels: Labels, bounds: Sequence[float]) -> Iterator[str]:
    """The series of a histogram."""
    for bound in [*map(str, bounds), "+Inf"]:
        yield text(f"{name}_bucket", {**labels, "le": bound})
    yield text(f"{name}_sum", labels)
    yield text(f"{name}_count", labels)


def application(number: int) -> Labels:
    """The labels by which the records know an application."""
    return {
        "genmeter_department": f"department-{number % DEPARTMENTS}",
        "genmeter_application": f"application-{number}",
    }


def calling(number: int, model: int) -> dict[str, str]:
    """The labels of an application's series for one of its models, as they come by OTLP."""
    provider, name = MODELS[(number + 4 * model) % len(MODELS)]
    return {
        "job": f"application-{number}",
        "instance": f"0c9e6f0e-7d3b-4a57-9c1e-{number:012d}",
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": provider,
        "gen_ai_request_model": name,
        "gen_ai_response_model": f"{name}-2026-08-06",
        **application(number),
        "deployment_environment_name": "production" if number % 3 else "test",
        "server_address": f"api.{provider}.com",
        "server_port": "443",
    }


def own(number: int) -> Iterator[str]:
    """An application with genmeter: three models, errors of one, embeddings with every second."""
    for model in range(3):
        labels = calling(number, model)
        yield from (text(name, labels) for name in COUNTERS)
        for name, bounds in HISTOGRAMS.items():
            yield from histogram(name, labels, bounds)
        yield text("genmeter_calls_active", {key: labels[key] for key in [*labels][:5]})
        if not model:
            failed = {**labels, "error_type": "rate_limit_error"}
            yield from histogram("gen_ai_client_inference_duration_seconds", failed, SECONDS_BUCKETS)
            yield text("genmeter_calls_unpriced_total", {**labels, "genmeter_cost_reason": "unknown_model"})
    if number % 2:
        embeddings = {**calling(number, 0), "gen_ai_operation_name": "embeddings"}
        yield from histogram("gen_ai_client_embeddings_duration_seconds", embeddings, SECONDS_BUCKETS)
        yield from histogram("gen_ai_client_embeddings_operation_input_tokens", embeddings, TOKEN_BUCKETS)
        yield text("genmeter_cost_usd_total", embeddings)


def foreign(number: int) -> Iterator[str]:
    """An application that the collector meters, with two models."""
    for model in range(2):
        labels = {**calling(number, model), "instance": "collector"}
        yield text("genmeter_collector_cost_usd_total", labels)
        yield text("genmeter_collector_calls_total", labels)
        for kind in ("input", "output"):
            yield text("genmeter_collector_tokens_total", {**labels, "gen_ai_token_type": kind})
        yield from histogram("genmeter_collector_call_duration_seconds", labels, SECONDS_BUCKETS)


def services() -> Iterator[str]:
    """The ledger with twenty budgets, and the collector's queues."""
    for number in range(20):
        labels = {"job": "ledger", "instance": "l", "budget_id": f"b{number}", "owner": "ana", "period": "month"}
        for name in ("limit", "spent", "projected", "period_end_seconds"):
            yield text(f"genmeter_budget_{name}", labels)
        yield from (
            text("genmeter_budget_threshold", {**labels, "threshold": tier}) for tier in ("50", "75", "90", "100")
        )
    for number in range(OWN):
        labels = {
            "job": "ledger",
            "instance": "l",
            "model": "m",
            "department": "d",
            "application": f"application-{number}",
        }
        yield text("genmeter_ledger_spend_usd", labels)
    for name in ("ready", "last_commit_timestamp_seconds", "uptime_seconds", "conflicts_total", "suspected_total"):
        yield text(f"genmeter_ledger_{name}", {"job": "ledger", "instance": "l"})
    for exporter in ("otlp_grpc/jaeger", "otlp_http/loki", "otlp_http/ledger", "otlp_http/prometheus"):
        labels = {"job": "collector", "instance": "c", "exporter": exporter}
        for name in ("queue_size", "queue_capacity"):
            yield text(f"otelcol_exporter_{name}", {**labels, "data_type": "traces"})
        yield text("otelcol_exporter_send_failed_spans", labels)
    yield from (text("up", {"job": job, "instance": job[0]}) for job in ("collector", "ledger", "alertmanager"))


def history() -> Iterator[tuple[str, list[Stretch]]]:
    """Every series, with what there is of it."""
    for number in range(OWN):
        for series in own(number):
            yield series, [HOURLY if series.startswith(COUNTERS) else RAW]
    for number in range(OWN, OWN + FOREIGN):
        yield from ((series, [HOURLY]) for series in foreign(number))
    yield from ((series, [Stretch(7 * HOUR, 15)]) for series in services())
    for number in range(OWN + FOREIGN):
        labels = application(number)
        yield from ((text(record, labels), stretches) for record, stretches in RECORDS.items())
        if number < OWN:
            yield text("application:genmeter_client_errors:rate5m", labels), [Stretch(2 * HOUR, 15, scale=0.001)]
            yield from objectives(labels)
    for provider, name in MODELS:
        labels = {"gen_ai_provider_name": provider, "gen_ai_request_model": name}
        yield text("model:genmeter_cost_usd:rate5m", labels), [Stretch(25 * HOUR, 15)]


def objectives(labels: Labels) -> Iterator[tuple[str, list[Stretch]]]:
    """What the rules of each SLO have recorded of an application, which keeps them."""
    for slo in read(CONFIG / "slo.yaml")["slos"]:
        for what, scale in (("calls", 1.0), ("bad_calls", 0.001)):
            series = text(f"application:slo_{what}:rate5m", {**labels, "slo": slo["name"]})
            yield series, [Stretch(7 * HOUR, MINUTE, scale=scale)]
            yield series.replace("rate5m", "increase30m"), [Stretch(3 * DAY + HOUR, MINUTE, scale=scale)]


def samples(stretch: Stretch, now: int, variant: int) -> list[str]:
    """Value and time of each sample, growing and never by the same amount: it serves as a counter and as a level."""
    times = range(now - stretch.since, now - stretch.until, stretch.step)
    factor = 0.013 * stretch.scale
    return [f"{(at * (7 + variant) + at * at % 5) * factor:.6g} {when}\n" for at, when in enumerate(times)]


def blocks(folder: Path, into: Path) -> None:
    """Write the history as OpenMetrics and make blocks of it, as few as can be."""
    now, made, file = int(time.time()), {}, folder / "history.txt"
    with file.open("w", encoding="utf-8") as out:
        for at, (series, stretches) in enumerate(history()):
            for stretch in stretches:
                key = (stretch, at % 7)
                lines = made[key] = made.get(key) or samples(stretch, now, at % 7)
                out.write(f"{series} " + f"{series} ".join(lines))
        out.write("# EOF\n")
    promtool = program("prometheus").with_name("promtool")
    command = [
        promtool,
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        "--max-block-duration=486h",
        file,
        into,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    file.unlink()


def configured(folder: Path) -> Path:
    """The shipped configuration and rules, with nothing to scrape and every group run every few seconds."""
    shutil.copytree(CONFIG / "prometheus", folder)
    for targets in (folder / "targets").glob("*.json"):
        targets.write_text("[]")
    (folder / "ledger_token").write_text("unused")
    config = folder / "prometheus.yml"
    config.write_text(config.read_text().replace("evaluation_interval: 15s", f"evaluation_interval: {EVERY}s"))
    for file in (folder / "rules").glob("*.yaml"):
        file.write_text(re.sub(r"^( +interval:) \S+$", rf"\1 {EVERY}s", file.read_text(), flags=re.MULTILINE))
    return config


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Prometheus on the history."""
    folder = tmp_path_factory.mktemp("rule-cost")
    config = configured(folder / "config")
    blocks(folder, folder / "data")
    with contextlib.closing(Watchdog()) as watchdog, alone(folder, program("prometheus"), watchdog, config) as server:
        yield server


def groups(server: Server) -> list[dict[str, Any]]:
    """The groups of rules as they run."""
    return get_json(f"{server.url}/api/v1/rules")["data"]["groups"]


def evaluations(server: Server) -> tuple[dict[str, list[float]], float]:
    """By group: the seconds of each evaluation, after the first. And the seconds of CPU for one round of all groups.

    Of the CPU time nothing is taken off: it has the compaction and the answers to this test in it.
    """
    seen: dict[str, dict[str, float]] = {name: {} for name in INTERVALS}

    def look() -> int:
        time.sleep(EVERY / 3)  # often enough to miss none, and seldom enough to cost next to nothing
        for group in groups(server):
            if not group["lastEvaluation"].startswith("0001-"):
                seen[group["name"]][group["lastEvaluation"]] = group["evaluationTime"]
        return min(map(len, seen.values()))

    until(look, lambda least: least >= 1, within=180, what="the first evaluation of each group")
    before = {name: len(times) for name, times in seen.items()}
    started = cpu_seconds(server)
    until(look, lambda least: least >= max(before.values()) + ROUNDS, within=180, what=f"{ROUNDS} more of each group")
    spent = cpu_seconds(server) - started
    rounds = mean(len(times) - before[name] for name, times in seen.items())
    return {name: list(times.values())[before[name] :] for name, times in seen.items()}, spent / rounds


def cpu_seconds(server: Server) -> float:
    """What the process has computed so far, in seconds of one core."""
    status, body = get(f"{server.url}/metrics")
    assert status == 200
    return float(re.search(r"^process_cpu_seconds_total (\S+)$", body, re.MULTILINE)[1])


def value(server: Server, promql: str) -> list[float]:
    """The values of an instant query."""
    found = get_json(f"{server.url}/api/v1/query?{urlencode({'query': promql})}")
    return [float(series["value"][1]) for series in found["data"]["result"]]


def test_every_rule_together_takes_less_than_a_second_on_ten_thousand_series(prometheus):
    ours = value(prometheus, 'count({__name__=~"genmeter_.+|gen_ai_.+"})')
    assert ours[0] >= 10_000
    taken, cpu = evaluations(prometheus)
    found = [rule for group in groups(prometheus) for rule in group["rules"]]
    assert len(found) == len(rules())
    assert [rule for rule in found if rule.get("lastError")] == []
    # What the long windows read is there: a week of hours, three days of minutes; of every application.
    for window, least in (
        ("application:genmeter_cost_usd:increase1h[1w:1h] offset 1h", 160),
        ("application:slo_calls:increase30m[3d:30m]", 140),
        ("application:genmeter_cost_usd:rate5m[1d:5m]", 280),
    ):
        filled = value(prometheus, f"count_over_time({window})")
        assert len(filled) >= OWN and min(filled) >= least, window
    report(prometheus, taken, cpu, int(ours[0]))
    # The fastest evaluation of each group: the others tell of what else the machine does.
    assert in_an_interval({name: min(times) for name, times in taken.items()}) < SECONDS_AN_INTERVAL
    for name, times in taken.items():
        assert min(times) < INTERVALS[name], name


def in_an_interval(seconds: Mapping[str, float]) -> float:
    """What all groups take in the shortest interval; of a group that runs more seldom its share of it."""
    return sum(seconds[name] * min(INTERVALS.values()) / interval for name, interval in INTERVALS.items())


def report(server: Server, taken: dict[str, list[float]], cpu: float, ours: int) -> None:
    """Tables of what was measured: by group, and the series that the rules add."""
    size = {group["name"]: len(group["rules"]) for group in groups(server)}
    rows: list[tuple[object, ...]] = []
    for name, interval in INTERVALS.items():
        times = [1000 * seconds for seconds in taken[name]]
        rows.append((name, f"{interval} s", size[name], f"{median(times):.1f}", spread(times, 1)))
    middle = {name: median(times) for name, times in taken.items()}
    rows.append(
        ("all in a mean interval", f"{min(INTERVALS.values())} s", "", f"{1000 * in_an_interval(middle):.0f}", "")
    )
    rows.append(("all at once", "", len(rules()), f"{1000 * sum(middle.values()):.0f}", ""))
    rows.append(("all at once, of CPU", "", len(rules()), f"{1000 * cpu:.0f}", ""))
    write("rule-cost", ("group", "interval", "rules", "median ms", "lowest to highest ms"), rows)
    (recorded,) = value(server, 'count({__name__=~".+:.+"})')
    write("rule-series", ("series of ours", "series recorded by rules"), [(ours, int(recorded))])
