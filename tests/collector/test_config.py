"""What the shipped configurations promise, read as data; ``tests/e2e/back_ends`` runs them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from genmeter import names
from genmeter.cli.collector import without
from genmeter.reading.conventions import BUNDLED, bundled
from genmeter.server.ingest import BodySizes
from tests.collector.files import CONFIG, VARIABLE, VARIANTS, WHOLE, complete, leaves, read

EVERY = [WHOLE, *VARIANTS]
CONTENT = {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.SYSTEM_INSTRUCTIONS, names.TOOL_DEFINITIONS}
VECTORS = json.loads((CONFIG.parent / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))
ATTRIBUTES = {row["name"] for row in VECTORS["attributes"]}
MIB = 1 << 20
LOKI_BURST = 6 * MIB
"""Loki's default ingestion_burst_size_mb."""


def whole():
    return read(WHOLE)


def queued(config):
    """Every exporter with a queue, by its name."""
    return {name: made for name, made in config["exporters"].items() if not name.startswith("prometheus")}


def test_the_shipped_file_is_what_the_command_prints():
    printed = subprocess.run([sys.executable, "-m", "genmeter", "collector", "config"], capture_output=True, check=True)
    assert printed.stdout == WHOLE.read_bytes()


def test_the_five_variants_are_there_and_a_page_names_each():
    assert {path.stem for path in VARIANTS} == {
        "agent", "gateway", "prometheus-scrape", "content-redaction", "tail-sampling"
    }  # fmt: skip
    page = (CONFIG / "README.md").read_text(encoding="utf-8")
    for path in VARIANTS:
        assert f"`variants/{path.name}`" in page
        assert f"--config variants/{path.name}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_pipelines_name_only_what_is_configured_and_all_of_it_is_used(path):
    config = complete(path)
    used = {"receivers": set(), "processors": set(), "exporters": set()}
    for pipeline in config["service"]["pipelines"].values():
        for kind, members in pipeline.items():
            used[kind] |= set(members)
    connectors = set(config.get("connectors", ()))
    assert used["receivers"] == set(config["receivers"]) | connectors
    assert used["processors"] == set(config["processors"])
    unused = {"otlp_http/prometheus"} if path.stem == "prometheus-scrape" else set()
    assert used["exporters"] == (set(config["exporters"]) | connectors) - unused
    assert set(config["service"]["extensions"]) == set(config["extensions"])


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_memory_limiter_is_first_wherever_data_comes_in(path):
    for pipeline in complete(path)["service"]["pipelines"].values():
        first = pipeline.get("processors", [None])[0]
        assert (first == "memory_limiter") == ("otlp" in pipeline["receivers"])


@pytest.mark.parametrize("path", [path for path in EVERY if path.stem != "agent"], ids=lambda path: path.stem)
def test_a_price_is_written_in_one_place_before_anything_else_happens(path):
    pipelines = complete(path)["service"]["pipelines"]
    priced = {name for name, pipeline in pipelines.items() if "genai_cost" in pipeline.get("processors", ())}
    assert priced == {"traces", "logs"}
    before = {
        name: pipelines[name]["processors"][: pipelines[name]["processors"].index("genai_cost")] for name in priced
    }
    # spans that no store could find are no data
    assert before == {"traces": ["memory_limiter", "filter/unkeyed"], "logs": ["memory_limiter"]}


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_every_exporter_keeps_its_data_on_disk_blocks_when_full_and_never_gives_up(path):
    config = complete(path)
    for name, exporter in queued(config).items():
        queue = exporter["sending_queue"]
        assert queue["storage"] == "file_storage", name
        assert (queue["sizer"], queue["batch"]["sizer"]) == ("bytes", "bytes"), name
        assert queue["block_on_overflow"] is True, name
        assert queue["queue_size"].startswith("${env:OTELCOL_QUEUE_BYTES:-"), name
        assert exporter["retry_on_failure"]["max_elapsed_time"] == 0, name
        assert exporter["timeout"] == "5s", name
    assert config["extensions"]["file_storage"]["directory"] == "${env:OTELCOL_STORE:-/var/lib/otelcol}"


def test_what_the_door_lets_in_fits_in_a_batch_and_a_batch_through_the_next_door():
    protocols = whole()["receivers"]["otlp"]["protocols"]
    largest = protocols["http"]["max_request_body_size"]
    assert largest == protocols["grpc"]["max_recv_msg_size_mib"] * MIB == 24 * MIB
    most = {name: made["sending_queue"]["batch"]["max_size"] for name, made in whole()["exporters"].items()}
    jaeger = read(CONFIG / "jaeger" / "jaeger.yaml")["receivers"]["otlp"]["protocols"]["grpc"]
    # genai_cost adds about 20 attributes to a span; a megabyte is far more.
    assert largest + MIB < most["otlp_grpc/jaeger"] < jaeger["max_recv_msg_size_mib"] * MIB
    assert most["otlp_http/ledger"] < BodySizes().body
    assert most["otlp_http/loki"] < LOKI_BURST
    loki = read(CONFIG / "loki" / "loki.yaml")
    assert most["otlp_http/loki"] < loki["server"]["grpc_server_max_recv_msg_size"]
    assert "ingestion_burst_size_mb" not in loki["limits_config"]


def test_an_agent_s_batch_fits_through_the_gateway_s_door():
    agent = read(CONFIG / "variants" / "agent.yaml")
    batch = agent["exporters"]["otlp_http/gateway"]["sending_queue"]["batch"]["max_size"]
    door = agent["receivers"]["otlp"]["protocols"]["http"]["max_request_body_size"]
    assert door < batch < complete(CONFIG / "variants" / "gateway.yaml")["receivers"]["otlp"]["protocols"]["http"][
        "max_request_body_size"
    ]  # fmt: skip


def test_prometheus_gets_cumulative_points_in_order_and_requests_that_are_not_merged():
    config = whole()
    for name, pipeline in config["service"]["pipelines"].items():
        if "otlp_http/prometheus" in pipeline["exporters"] and pipeline["receivers"] != ["genai_meter"]:
            assert pipeline["processors"][-1] == "deltatocumulative", name
    queue = config["exporters"]["otlp_http/prometheus"]["sending_queue"]
    assert (queue["num_consumers"], queue["batch"]["min_size"]) == (1, 0)


def test_points_outside_prometheus_window_are_dropped_before_it_sees_them():
    window = read(CONFIG / "prometheus" / "prometheus.yml")["storage"]["tsdb"]["out_of_order_time_window"]
    assert window == "24h"
    limits = {
        int(found[0]) / 10**9
        for condition in whole()["processors"]["filter/clock"]["metric_conditions"]
        if (found := re.findall(r"\d+$", condition))
    }
    assert limits == {23 * 3600, 300}
    assert "filter/clock" in whole()["service"]["pipelines"]["metrics"]["processors"]


def test_derived_series_are_sent_as_often_and_under_the_name_that_the_variables_say():
    config = whole()
    made = config["connectors"]["genai_meter"]
    assert made["interval"] == "${env:OTELCOL_DERIVED_INTERVAL:-15s}"
    assert made["instance"] == "${env:OTELCOL_INSTANCE:-collector}"
    derived = config["service"]["pipelines"]["metrics/derived"]
    assert derived == {"receivers": ["genai_meter"], "exporters": ["otlp_http/prometheus"]}


def removers(path):
    """The patterns of the attributes that a file removes, by what they are removed from."""
    found = {}
    text = path.read_text(encoding="utf-8")
    for kind, pattern in re.findall(r'delete_matching_keys\((\w+)\.attributes, "(.*?)"\)', text):
        found.setdefault(kind, []).append(pattern.replace("\\\\", "\\"))
    return found


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_what_removes_content_removes_all_of_it_and_nothing_else_that_has_a_name(path):
    for patterns in removers(path).values():
        removed = {name for name in ATTRIBUTES if any(re.search(pattern, name) for pattern in patterns)}
        assert removed - {names.EXCEPTION_STACKTRACE} == CONTENT


@pytest.mark.parametrize("path", [WHOLE, CONFIG / "variants" / "content-redaction.yaml"], ids=lambda path: path.stem)
def test_what_is_removed_is_what_the_table_of_content_says(path):
    table = [group.pattern for group in bundled().content]
    text = path.read_text(encoding="utf-8")
    for kind, patterns in removers(path).items():
        assert [one for one in patterns if one in table] == table * (patterns.count(table[0])), kind
        assert without(kind).splitlines()[0] in text
    assert set(removers(path)) == {"span", "spanevent", "log"}


def test_no_attribute_that_is_read_is_content():
    table = bundled()
    rows = json.loads(BUNDLED.read_text(encoding="utf-8"))["records"]
    read = {name for found in table.fields.values() for name in found} | table.naming | table.counted
    for row in rows:
        read |= {*row.get("copies", {}).values(), *row.get("when", {}), *(one["of"] for one in row.get("inside", ()))}
    for group in table.content:
        assert [name for name in read if re.search(group.pattern, name)] == [], group.of


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.input.messages", "gen_ai.prompt.0.content", "gen_ai.completion_json", "llm.input_messages.3.message.content",
        "input.value", "retrieval.documents.0.document.content", "embedding.embeddings.0.embedding.text",
        "traceloop.entity.input", "ai.prompt", "ai.prompt.messages", "ai.response.text", "ai.toolCall.args",
        "langfuse.observation.input", "mlflow.spanInputs", "gcp.vertex.agent.llm_request", "llm.openai.messages",
    ],
)  # fmt: skip
def test_an_attribute_that_holds_what_was_said_is_content_under_any_scope(name):
    assert [group.of for group in bundled().content if re.search(group.pattern, name) and not group.scope]


def test_content_stays_out_of_every_store_unless_an_application_or_the_operator_asked_for_it():
    pipelines = whole()["service"]["pipelines"]
    for name in ("traces", "logs"):
        assert pipelines[name]["processors"][-2:] == ["genai_cost", "transform/content"]
    made = whole()["processors"]["transform/content"]
    for group in (*made["trace_statements"], *made["log_statements"]):
        assert group["conditions"] == ['"${env:OTELCOL_CONTENT:-drop}" != "keep" and scope.name != "genmeter"']


def test_redaction_masks_no_key_that_money_is_made_of():
    config = read(CONFIG / "variants" / "content-redaction.yaml")["processors"]["redaction"]
    for pattern in config["blocked_key_patterns"]:
        assert [name for name in ATTRIBUTES if re.search(pattern, name)] == []
    kept = [name for name in ATTRIBUTES for pattern in config["ignored_key_patterns"] if re.search(pattern, name)]
    assert {*names.USAGE_TOKENS.values(), *names.COST_LINES.values(), names.COST_AMOUNT, names.RESPONSE_ID} <= set(kept)
    assert not CONTENT & set(kept)


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_every_variable_has_a_default_and_stands_in_the_table(path):
    rows = re.findall(r"^\| `([A-Z_]+)` \|(?: `([^`]*)`)? \|", (CONFIG / "README.md").read_text(), re.MULTILINE)
    table = dict(rows)
    own = {
        "agent": (
            "OTELCOL_OTLP_GRPC",
            "OTELCOL_OTLP_HTTP",
            "OTELCOL_HEALTH",
            "OTELCOL_METRICS_HOST",
            "OTELCOL_QUEUE_BYTES",
        )
    }
    for name, default in VARIABLE.findall(path.read_text(encoding="utf-8")):
        assert name in table, name
        if name not in own.get(path.stem, ()):
            assert default == table[name], name
    for name in set(table) - {"GENMETER_PRICES"}:
        assert table[name], name


def test_the_table_names_no_variable_that_nothing_reads():
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (CONFIG / "README.md").read_text(), re.MULTILINE)
    assert set(rows) == {name for path in EVERY for name, _ in VARIABLE.findall(path.read_text())}


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_no_secret_stands_in_a_configuration(path):
    for where, _ in leaves(read(path)):
        key = where.rpartition("::")[2].lower()
        assert not re.search(r"(^|_)(token|tokens|password|secret|api_key|hmac_key|authorization)$", key), where
    for name, extension in complete(path)["extensions"].items():
        if name.startswith("bearertokenauth"):
            assert set(extension) == {"filename"}, name
