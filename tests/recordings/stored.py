"""The recordings as tests read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "vectors" / "spans"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded span with what is expected of it; ``at`` is the Unix second at which it began."""

    span_id: str
    attributes: Json
    scope: str
    version: str
    at: float
    expect: Json


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: OTLP JSON bodies as an exporter would send them, and the spans one by one."""

    traces: bytes
    logs: bytes
    records: list[Record]
    expect: dict[str, Json]

    @property
    def billed(self) -> list[Record]:
        """The spans of calls to a provider, answered or refused."""
        return [record for record in self.records if record.expect["call"] != "step"]


def recording(name: str) -> Recording:
    """The recording of this name."""
    data = json.loads((FOLDER / f"{name}.json").read_bytes())
    records = [
        Record(
            span["spanId"],
            {pair["key"]: plain(pair["value"]) for pair in span["attributes"]},
            scope["scope"]["name"],
            scope["scope"].get("version", ""),
            int(span["startTimeUnixNano"]) / 1e9,
            data["expect"][span["spanId"]],
        )
        for group in data["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]
    traces = json.dumps({"resourceSpans": data["resourceSpans"]}).encode()
    logs = json.dumps({"resourceLogs": data["resourceLogs"]}).encode()
    return Recording(traces, logs, records, data["expect"])


def plain(value: Json) -> Any:
    """An OTLP JSON value as Python has it."""
    ((kind, inner),) = value.items() or {"": None}.items()
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [plain(item) for item in inner.get("values", ())]
    return inner
