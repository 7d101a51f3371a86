"""Many applications at the same moment: what the collector counts by itself is all of their calls, to the last one."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.e2e.back_ends import arrivals
from tests.e2e.back_ends.conftest import foreign_call, send
from tests.e2e.back_ends.traffic import Sender, Traffic
from tests.stack import Stack
from tests.stack.asking import prom_query
from tests.stack.loopback import get
from tests.stack.roster import CONFIG

pytestmark = pytest.mark.xdist_group("concurrency")

CALLS = 2000


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder, soon = tmp_path_factory.mktemp("concurrency"), {"OTELCOL_DERIVED_INTERVAL": "1s"}
    with Stack(folder, servers=("ledger", "prometheus", "jaeger", "loki", "otelcol"), env=soon) as running:
        yield running


def test_calls_that_come_at_the_same_time_are_all_in_the_metrics_derived_from_them(stack):
    traffic = Traffic("together", CALLS)
    with Sender(stack.otlp_http, traffic.posts, threads=8) as sender:
        sender.wait_for_all()
    assert sender.again == {}
    counted = 'genmeter_collector_calls_total{job="together"}'
    assert arrivals.wait(lambda: arrivals.sample(stack, counted), lambda found: found == CALLS, 60) == CALLS
    cost = arrivals.sample(stack, 'genmeter_collector_cost_usd_total{job="together"}')
    # Every other call carries a price that genmeter in the application has made, and counted itself. Sums are integers
    # and turned into a double once: what is due to the pico, and not nearly.
    due = sum(list(traffic.pico.values())[::2])
    assert cost == due / 10**12
    assert refused_by_prometheus(stack) == 0


def test_calls_with_labels_beyond_the_limit_are_in_a_series_that_prometheus_takes(tmp_path):
    config = tmp_path / "two.yaml"
    text = (CONFIG / "otelcol.yaml").read_text(encoding="utf-8")
    config.write_text(text.replace("max_series: 2000", "max_series: 2"), encoding="utf-8")
    with Stack(tmp_path / "stack", config, ("prometheus", "otelcol")) as up:
        for name in ("first", "second", "third", "fourth"):
            send(up.otlp_http, {"resourceSpans": [foreign_call(name, uuid.uuid4().hex)]})
        found = prom_query(up, "genmeter_collector_calls_total", lambda found: sum(one.value for one in found) == 4)
        kept = {one.labels.get("job"): (one.value, one.labels.get("otel_metric_overflow")) for one in found}
        assert kept == {"first": (1, None), "second": (1, None), None: (2, "true")}
        # 1,000 × 2.50 + 100 × 10.00 = 3,500 micro-dollars each.
        assert arrivals.sample(up, "sum(genmeter_collector_cost_usd_total)") == pytest.approx(4 * 0.0035, abs=1e-12)
        assert refused_by_prometheus(up) == 0


def refused_by_prometheus(stack: Stack) -> int:
    """Points that the collector's exporter could not get rid of."""
    text = get(f"http://127.0.0.1:{stack.otelcol.ports['metrics']}/metrics")[1]
    found = re.findall(r"^otelcol_exporter_send_failed_metric_points\{[^}]*prometheus[^}]*\} (\d+)", text, re.MULTILINE)
    return sum(int(count) for count in found)
