"""Record one instrumentation: ``python -m tests.recordings NAME``, in the environment where its packages are."""

from __future__ import annotations

import json
import logging
import os
import sys
from importlib.metadata import version

from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from tests.bench import peers
from tests.bench.sinks import Sinks
from tests.stub import Reply, StubServer

from .calls import CALLS, Call
from .emitters import EMITTERS, Emitter
from .frozen import Frozen, Json, write
from .loopback import clients
from .stored import FOLDER

NOT_BILLED = "a step of the app: it repeats what the calls below it cost, or costs nothing"
MONEY = ("gen_ai.usage.cost.", "genmeter.cost.")
RESOURCE: Json = {"attributes": [{"key": "service.name", "value": {"stringValue": "recorded"}}]}


def record(name: str) -> Json:
    """Make every call under the instrumentation, in one step of an app, and keep what it exports."""
    os.environ.update(peers.CONTENT_OFF)
    logging.disable(logging.CRITICAL)
    sinks = Sinks(keep=True)
    trace.set_tracer_provider(sinks.tracers)
    metrics.set_meter_provider(sinks.meters)
    _logs.set_logger_provider(sinks.loggers)
    emitter, frozen, expect = EMITTERS[name], Frozen(), dict[str, Json]()
    emitter.enable()
    with StubServer(fixed=True) as stub:
        made = clients(stub)
        with emitter.step():
            for number, call in enumerate(CALLS, 1):
                if call.sdk not in emitter.sdks:
                    continue
                stub.script(call.path, Reply(call.status, usage=call.usage))
                call.make(made[call.sdk])
                expect.update(_expected(emitter, call, _keep(frozen, number, sinks)))
    for span in _keep(frozen, 0, sinks):
        expect[span["spanId"]] = {"call": "step", "total": None, "reason": None, "arithmetic": NOT_BILLED}
    return {
        "emitter": name,
        "versions": {package: version(package) for package in (*emitter.packages, *emitter.sdks, "opentelemetry-sdk")},
        "resourceSpans": [{"resource": RESOURCE, "scopeSpans": frozen.spans}],
        "resourceLogs": [{"resource": RESOURCE, "scopeLogs": frozen.events}] if frozen.events else [],
        "expect": expect,
    }


def _keep(frozen: Frozen, number: int, sinks: Sinks) -> list[Json]:
    spans, events = sinks.spans.kept, sinks.records.kept
    kept = frozen.add(number, encode_spans(spans) if spans else None, encode_logs(events) if events else None)
    spans.clear()
    events.clear()
    return kept


def _expected(emitter: Emitter, call: Call, spans: list[Json]) -> dict[str, Json]:
    """The one span of the call has its bill; whatever else it wrote has none."""
    if len(spans) != 1:
        raise AssertionError(f"{call.name}: {len(spans)} spans, not one: {[span['name'] for span in spans]}")
    reason = emitter.refused if call.total is None else None
    total, arithmetic = emitter.miscounts.get(call.name, (call.total, call.arithmetic))
    bill = {"total": total, "reason": reason, "arithmetic": arithmetic}
    return {spans[0]["spanId"]: {"call": call.name, "usage": dict(call.usage), **bill}}


def _unpriced(recording: Json) -> Json:
    """The same with everything about money taken off, as an app sends it that leaves pricing to the collector."""
    made: Json = json.loads(json.dumps(recording))
    for key, scopes, records in (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")):
        for kept in (kept for group in made[key] for scope in group[scopes] for kept in scope[records]):
            kept["attributes"] = [pair for pair in kept["attributes"] if not pair["key"].startswith(MONEY)]
    return made | {"note": "the spans of genmeter.json without their cost"}


def _write(name: str, recording: Json) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(write(recording), encoding="utf-8")
    print(f"{path}: {len(recording['expect'])} spans")


def main(name: str) -> None:
    """Write the recording of ``name``; that of genmeter a second time without the money."""
    recording = record(name)
    _write(name, recording)
    if name == "genmeter":
        _write("genmeter_unpriced", _unpriced(recording))


if __name__ == "__main__":
    main(sys.argv[1])
