"""compose.yaml holds together: files, images, ports, secrets and the configurations that it mounts. No engine is needed."""

from __future__ import annotations

import json
import re

import pytest

from genmeter.model import Cost, Usage
from genmeter.pricing import catalogue_for
from genmeter.settings import Settings
from tests.collector.files import CONFIG, VARIABLE, WHOLE, read

COMPOSE = read(CONFIG / "compose.yaml")
SERVICES = COMPOSE["services"]
ROOT = CONFIG.parent


def mounts(service):
    """(what, where in the container, mode) of each volume of a service."""
    for line in SERVICES[service].get("volumes", ()):
        source, target, *mode = line.split(":")
        yield source, target, mode[0] if mode else "rw"


def dockerfile(service):
    return ROOT / SERVICES[service]["build"]["dockerfile"]


def test_the_services_are_the_collector_the_stores_and_what_shows_them():
    assert set(SERVICES) == {"otelcol", "ledger", "jaeger", "loki", "prometheus", "alertmanager", "grafana"}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_exists_and_cannot_be_written(service):
    for source, target, mode in mounts(service):
        if source.startswith("."):
            assert (CONFIG / source).exists(), source
            assert mode == "ro", source
        else:
            assert source in COMPOSE["volumes"], source
            assert mode == "rw" and target.startswith("/"), source


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_pinned_by_an_exact_tag(service):
    made = SERVICES[service]
    if "build" in made:
        assert (CONFIG / made["build"]["context"]).resolve() == ROOT
        bases = re.findall(r"^FROM (\S+)", dockerfile(service).read_text(), re.MULTILINE)
        assert bases and all(re.fullmatch(r"\S+:\d+\.\d+\.\d+[\w.-]*|scratch", base) for base in bases), bases
    else:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", made["image"]), made["image"]


MODULES = {
    "prometheus": ("prometheus/prometheus", {"0.315.0": "v3.15.0"}),  # its module is 0.3xx for release 3.xx
    "alertmanager": ("prometheus/alertmanager", {"0.31.1": "v0.31.1"}),
    "loki": ("grafana/loki/v3", {"3.7.8": "3.7.8"}),
    "jaeger": ("jaegertracing/jaeger", {"1.76.0": "2.13.0"}),  # the last module version without /v2 is release 2.13
}
"""Module that is built here, and the image of each version of it that was looked up."""


@pytest.mark.parametrize("service", MODULES)
def test_an_image_is_the_version_that_is_built_and_tested_here(service):
    module, images = MODULES[service]
    lock = (ROOT / ".ci" / "servers" / service / "go.mod").read_text()
    (pinned,) = re.findall(rf"^\s*(?:require )?github\.com/{module} v([\d.]+)", lock, re.MULTILINE)
    assert SERVICES[service]["image"].rpartition(":")[2] == images[pinned]


@pytest.mark.parametrize("service", ["otelcol", "ledger"])
def test_a_dockerfile_copies_what_is_there(service):
    for line in re.findall(r"^COPY (?!--from)(.+)", dockerfile(service).read_text(), re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_the_compiler_in_the_image_is_new_enough_for_the_lock():
    (image,) = re.findall(r"golang:([\d.]+)", dockerfile("otelcol").read_text())
    for lock in (CONFIG / "otelcol" / "go.mod", ROOT / ".ci" / "servers" / "builder" / "go.mod"):
        (wanted,) = re.findall(r"^go ([\d.]+)$", lock.read_text(), re.MULTILINE)
        assert [*map(int, image.split("."))] >= [*map(int, wanted.split("."))], lock


@pytest.mark.parametrize("service", SERVICES)
def test_only_loopback_is_published(service):
    for port in SERVICES[service].get("ports", ()):
        assert port.startswith("127.0.0.1:"), port


def test_addresses_in_the_configurations_are_services_and_their_ports():
    defaults = dict(VARIABLE.findall(WHOLE.read_text()))
    listening = {
        "jaeger": dict(VARIABLE.findall((CONFIG / "jaeger" / "jaeger.yaml").read_text()))["JAEGER_OTLP_GRPC"],
        "loki": re.findall(r"LOKI_HTTP_PORT(:-\d+)", (CONFIG / "loki" / "loki.yaml").read_text())[0].replace("-", ""),
        "prometheus": ":9090",
        "ledger": ":4318",
    }
    for service, variable in (
        ("jaeger", "JAEGER_OTLP"),
        ("loki", "LOKI_OTLP"),
        ("prometheus", "PROMETHEUS_OTLP"),
        ("ledger", "LEDGER_OTLP"),
    ):
        host, port = re.findall(r"(?:http://)?(\w+):(\d+)", defaults[variable])[0]
        assert host == service and listening[service].endswith(f":{port}"), variable
    places = {"collector": ("otelcol", "8888"), "ledger": ("ledger", "4318"), "alertmanager": ("alertmanager", "9093")}
    for file, (service, port) in places.items():
        (target,) = json.loads((CONFIG / "prometheus" / "targets" / f"{file}.json").read_text())
        assert target["targets"] == [f"{service}:{port}"]
    sources = read(CONFIG / "grafana" / "provisioning" / "datasources" / "genmeter.yaml")["datasources"]
    assert {one["url"] for one in sources} == {"http://prometheus:9090", "http://jaeger:16686", "http://loki:3100"}


def test_published_ports_are_those_that_the_collector_listens_on():
    defaults = dict(VARIABLE.findall(WHOLE.read_text()))
    wanted = {
        defaults[name].rpartition(":")[2]
        for name in ("OTELCOL_OTLP_GRPC", "OTELCOL_OTLP_HTTP", "OTELCOL_HEALTH", "OTELCOL_METRICS_PORT")
    }
    assert {port.rpartition(":")[2] for port in SERVICES["otelcol"]["ports"]} == wanted


def test_who_waits_for_health_waits_for_somebody_who_reports_it():
    for service, made in SERVICES.items():
        for name, how in made.get("depends_on", {}).items():
            assert (how["condition"] == "service_healthy") == ("healthcheck" in SERVICES[name]), f"{service} → {name}"


def test_secrets_are_files_outside_the_repository_that_the_configurations_name():
    assert {name: one["file"] for name, one in COMPOSE["secrets"].items()} == {
        "ledger_token": "./secrets/ledger_token",
        "grafana_password": "./secrets/grafana_password",
    }
    defaults = dict(VARIABLE.findall(WHOLE.read_text()))
    assert (
        "ledger_token" in SERVICES["otelcol"]["secrets"]
        and defaults["LEDGER_TOKEN_FILE"] == "/run/secrets/ledger_token"
    )
    assert "/run/secrets/ledger_token" in dockerfile("ledger").read_text()
    prometheus = read(CONFIG / "prometheus" / "prometheus.yml")["scrape_configs"]
    (asked,) = [job["authorization"]["credentials_file"] for job in prometheus if "authorization" in job]
    assert SERVICES["prometheus"]["secrets"] == [{"source": "ledger_token", "target": f"/etc/prometheus/{asked}"}]
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/collector-config/secrets/" in ignored


def test_prometheus_takes_otlp_and_keeps_exemplars():
    command = SERVICES["prometheus"]["command"]
    assert "--web.enable-otlp-receiver" in command and "--enable-feature=exemplar-storage" in command


def test_prices_are_mounted_as_a_folder_and_the_file_is_in_it():
    folder = {
        service: [target for source, target, _ in mounts(service) if source == "./prices"]
        for service in ("otelcol", "ledger")
    }
    assert folder == {"otelcol": ["/etc/genmeter"], "ledger": ["/etc/genmeter"]}
    assert (CONFIG / "prices" / "genmeter.toml").is_file()
    assert SERVICES["otelcol"]["environment"]["GENMETER_PRICES"] == SERVICES["ledger"]["environment"]["GENMETER_CONFIG"]


def test_the_shipped_price_file_sets_nothing():
    shipped = CONFIG / "prices" / "genmeter.toml"
    plain = catalogue_for(Settings.load(path=str(shipped)))
    assert "+own-" not in plain.version


def test_the_example_in_the_price_file_is_a_price(tmp_path):
    text = (CONFIG / "prices" / "genmeter.toml").read_text()
    path = tmp_path / "genmeter.toml"
    path.write_text(re.sub(r"^# (?=\[prices|input|output)", "", text, flags=re.MULTILINE))
    prices = catalogue_for(Settings.load(path=str(path)))
    cost = prices.price("openai", "gpt-4o", "gpt-4o", Usage(1_000_000, 1_000_000), 1_795_000_000.0)
    assert isinstance(cost, Cost) and cost.total == (2 + 8) * 10**12
