"""The floor is a floor only if it exports what genmeter exports: both make one call, and all that comes out is compared."""

from __future__ import annotations

import asyncio
from typing import Any

from genmeter import names

from . import contenders
from .contenders import Contender
from .scenarios import Scenario
from .sinks import Sinks

CLOCKED = ("time_to_first_chunk", "duration")
"""How attributes end whose values are times: the keys are compared, the values are not."""

STATES = (names.PRICES_AGE,)
"""Gauges that a reader asks for when it collects. No call writes them, so they are no part of what a call exports."""


class Disparity(AssertionError):
    """Floor and genmeter do not export the same; the message lists what only one of them does."""


def exports(contender: Contender, scenario: Scenario) -> set[str]:
    """Everything that one call exports, one line a fact."""
    assert contender.sinks is not None
    sinks = contender.sinks
    sinks.spans.kept.clear()
    sinks.records.kept.clear()
    with scenario.session() as client, contender:
        result = contender.call(scenario)(client)
        if scenario.awaited:
            asyncio.run(result)
    return {*_spans(sinks), *_records(sinks), *_points(sinks)}


def summary(contender: Contender, scenario: Scenario) -> str:
    """How much one call exports, in words: ``1 span of 25, 1 record of 26``; nothing, where a contender sees nothing."""
    if contender.sinks is None:
        return ""
    contender.sinks.spans.keep = contender.sinks.records.keep = True
    exports(contender, scenario)
    contender.sinks.spans.keep = contender.sinks.records.keep = False
    spans, records = contender.sinks.spans.kept, contender.sinks.records.kept
    held = [len(span.attributes) for span in spans], [len(kept.log_record.attributes or ()) for kept in records]
    words = [
        f"{len(sizes)} {kind} of {sum(sizes)}" for kind, sizes in zip(("span", "record"), held, strict=True) if sizes
    ]
    return ", ".join(words) or "sees nothing"


def check(scenarios: tuple[Scenario, ...]) -> None:
    """Compare both on every scenario.

    Raises:
        Disparity: with the differences, scenario by scenario.
    """
    found: list[str] = []
    for scenario in scenarios:
        by_hand, ours = contenders.floor(Sinks(keep=True)), contenders.genmeter(Sinks(keep=True))
        try:
            written, emitted = exports(by_hand, scenario), exports(ours, scenario)
        finally:
            contenders.disable_genmeter(ours)
        found += differences(scenario, emitted, written)
    if found:
        raise Disparity("the floor is not what genmeter exports:\n  " + "\n  ".join(found))


def differences(scenario: Scenario, emitted: set[str], written: set[str]) -> list[str]:
    """A line for everything that genmeter emitted and the floor did not write, or the other way."""
    return [
        *(f"{scenario.name}: only genmeter: {line}" for line in sorted(emitted - written)),
        *(f"{scenario.name}: only the floor: {line}" for line in sorted(written - emitted)),
    ]


def _value(key: str, value: Any) -> str:
    if key.endswith(CLOCKED):
        return f"{key}=…"
    if isinstance(value, float):
        value = round(value, 15)
    return f"{key}={list(value) if isinstance(value, tuple) else value}"


def _spans(sinks: Sinks) -> list[str]:
    lines: list[str] = []
    for span in sinks.spans.kept:
        lines.append(f"span {span.name} {span.kind.name} {span.status.status_code.name} events={len(span.events)}")
        lines += [f"span attribute {_value(key, value)}" for key, value in span.attributes.items()]
    return lines


def _records(sinks: Sinks) -> list[str]:
    lines: list[str] = []
    for kept in sinks.records.kept:
        record = kept.log_record
        lines.append(f"record {record.event_name} {record.severity_number} span={record.span_id != 0}")
        lines += [f"record attribute {_value(key, value)}" for key, value in record.attributes.items()]
    return lines


def _points(sinks: Sinks) -> list[str]:
    data = sinks.collect()
    metrics = [
        metric
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    return [
        f"point {metric.name} [{metric.unit}] {type(metric.data).__name__} {sorted(map(str, point.attributes.items()))} "
        + _measured(metric, point)
        for metric in metrics
        if metric.name not in STATES
        for point in metric.data.data_points
    ]


def _measured(metric: Any, point: Any) -> str:
    if hasattr(point, "bucket_counts"):
        total = "…" if metric.unit == "s" else point.sum
        return f"count={point.count} sum={total} bounds={list(point.explicit_bounds)}"
    return f"value={round(point.value, 12)}"
