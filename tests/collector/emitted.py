"""Every series that Prometheus can have of ours and of the servers in the stack: its name, and counter or gauge.

Ours come from what says or writes them; the others are listed with their sources.
"""

from __future__ import annotations

import json
import re
from functools import cache

from genmeter.ledger import Ledger
from genmeter.server.activity import Activity
from genmeter.server.exposition import exposition
from genmeter.server.series import Series
from tests.collector.files import CONFIG
from tests.collector.promql import rules

ROOT = CONFIG.parent
VECTORS = json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))
UNITS = {"s": "_seconds"}
SIGNALS = ("spans", "log_records", "metric_points")
OTHERS = {
    # Prometheus: of its alerts, of every scrape, and rules/group.go
    **dict.fromkeys(("ALERTS", "up", "scrape_samples_scraped", "scrape_duration_seconds"), "gauge"),
    "prometheus_rule_group_last_duration_seconds": "gauge",
    # Alertmanager 0.25 and 0.31, notify/notify.go
    **dict.fromkeys(("alertmanager_notifications_total", "alertmanager_notifications_failed_total"), "counter"),
    # Collector 0.155, exporterhelper/metadata.yaml and receiverhelper/metadata.yaml; its counters have no _total
    **dict.fromkeys(("otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"), "gauge"),
    **{
        f"otelcol_{what}_{signal}": "counter"
        for what in ("exporter_sent", "exporter_send_failed", "exporter_enqueue_failed", "receiver_accepted")
        for signal in SIGNALS
    },
}


@cache
def emitted() -> dict[str, str]:
    """Name and kind; a histogram is three counters."""
    known = dict(OTHERS)
    for row in [*VECTORS["metrics"], *VECTORS["derived_metrics"], *VECTORS["ledger_metrics"]]:
        name = row["name"].replace(".", "_") + UNITS.get(row["unit"], "")
        known |= _series(f"{name}_total" if row["kind"] == "counter" else name, row["kind"])
    with Ledger.open(":memory:") as ledger:
        text = exposition(ledger, Series(), Activity())
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        known |= _series(name, kind)
    for part in ("", "genaimeterconnector/"):
        page = (ROOT / "src" / "genaicostprocessor" / f"{part}documentation.md").read_text(encoding="utf-8")
        for name, kind in re.findall(
            r"^### (otelcol_\w+)\n.*?\n\| \S+ \| (Sum|Gauge) \|", page, re.DOTALL | re.MULTILINE
        ):
            known[name] = "counter" if kind == "Sum" else "gauge"
    return known


@cache
def recorded() -> frozenset[str]:
    """What our rules record."""
    return frozenset(rule.body["record"] for rule in rules() if "record" in rule.body)


def _series(name: str, kind: str) -> dict[str, str]:
    if kind == "histogram":
        return {f"{name}_{part}": "counter" for part in ("bucket", "sum", "count")}
    return {name: "counter" if kind == "counter" else "gauge"}
