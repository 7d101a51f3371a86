"""compose.yaml and the Kubernetes manifests, read by the programs that people read them with: the Compose
Specification's own loader with its schema, which `docker compose` is made of, and kustomize, as in `kubectl apply -k`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collector.files import CONFIG, read
from tests.collector.manifests import MOST_BYTES, Manifests, faults
from tests.stack import Stack
from tests.stack.loopback import get
from tests.stack.roster import ROOT, program

EXAMPLE = ROOT / "examples" / "kubernetes"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what is shipped, to be changed."""
    shutil.copytree(CONFIG, tmp_path / "collector-config", ignore=shutil.ignore_patterns("secrets"))
    shutil.copytree(EXAMPLE, tmp_path / "examples" / "kubernetes")
    return tmp_path


def loaded(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the loader says of a folder's compose.yaml."""
    command = [program("manifests").with_name("cmd"), "-format", "json", folder / "compose.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def rendered(folder: Path) -> list[dict[str, Any]]:
    """The objects that kustomize makes of a folder; it must have nothing to say beside them."""
    done = subprocess.run([program("manifests"), "build", folder], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(yaml.safe_load_all(done.stdout))


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The object of that kind whose name is this one, or this one and a hash."""
    (found,) = (
        made
        for made in objects
        if made["kind"] == kind and re.fullmatch(rf"{name}(-[a-z0-9]{{10}})?", made["metadata"]["name"])
    )
    return found


def test_the_loader_of_the_compose_specification_accepts_the_file():
    done = loaded(CONFIG)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(read(CONFIG / "compose.yaml")["services"])


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ("stop_grace_period: 30s", "stop_grace_periode: 30s", "services.otelcol.stop_grace_periode"),
        ("mem_limit: 2g", "mem_limit: [2g]", "services.otelcol.mem_limit"),
        ("ledger: {condition: service_healthy}", "ledger: {condition: healthy}", "services.otelcol.depends_on"),
        ("slack_url: {file: ./secrets/slack_url}", "slack_url: {path: ./secrets/slack_url}", "secrets.slack_url"),
    ],
)  # fmt: skip
def test_the_loader_refuses_a_mistake(clone, right, wrong, where):
    path = clone / "collector-config" / "compose.yaml"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong, 1))
    done = loaded(path.parent)
    assert done.returncode != 0 and where in done.stderr, done.stderr


def test_kustomize_makes_what_the_api_knows():
    objects = rendered(CONFIG)
    for made in objects:
        assert faults(made) == [], made["metadata"]["name"]
        assert made["kind"] == "Namespace" or made["metadata"]["namespace"] == "genmeter"
    assert {made["kind"] for made in objects} == {
        "Namespace", "ConfigMap", "Service", "StatefulSet", "PodDisruptionBudget",
    }  # fmt: skip


def test_a_pod_mounts_the_very_files_that_compose_mounts():
    objects, shipped = rendered(CONFIG), Manifests()
    maps = {made["metadata"]["name"]: made["data"] for made in objects if made["kind"] == "ConfigMap"}
    for name, keys in shipped.generated().items():
        data = one(objects, "ConfigMap", name)["data"]
        assert data == {
            key: (CONFIG / value).read_text() if (CONFIG / value).is_file() else value for key, value in keys.items()
        }
        assert sum(len(text.encode()) for text in data.values()) < MOST_BYTES
    for workload, config in (("otelcol", "otelcol.yaml"), ("ledger", "genmeter.toml")):
        pod = one(objects, "StatefulSet", workload)["spec"]["template"]["spec"]
        mounted = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
        assert config in {key for name in mounted for key in maps[name]}


def test_who_changes_a_budget_gets_new_pods_and_who_changes_a_rule_does_not(clone):
    folder = clone / "collector-config"

    def templates() -> dict[str, Any]:
        objects = rendered(folder)
        return {name: one(objects, "StatefulSet", name)["spec"]["template"] for name in ("otelcol", "ledger")}

    before = templates()
    with (folder / "prometheus" / "rules" / "budgets.yaml").open("a") as rules:
        rules.write("# a remark\n")
    assert templates() == before
    with (folder / "prices" / "genmeter.toml").open("a") as budgets:
        budgets.write('[budgets.all]\namount = "10.00"\nperiod = "month"\n')
    after = templates()
    assert after["otelcol"] != before["otelcol"] and after["ledger"] != before["ledger"]


def test_the_example_puts_in_images_budgets_stores_and_disk_of_ones_own(clone):
    objects = rendered(clone / "examples" / "kubernetes")
    plain = rendered(CONFIG)
    for name in ("otelcol", "ledger"):
        own, shipped = one(objects, "StatefulSet", name)["spec"], one(plain, "StatefulSet", name)["spec"]
        image = shipped["template"]["spec"]["containers"][0]["image"]
        assert own["template"]["spec"]["containers"][0]["image"] == f"registry.example.com/{image}"
    mine = one(objects, "ConfigMap", "genmeter")
    assert mine["data"] == {"genmeter.toml": (EXAMPLE / "genmeter.toml").read_text()}
    ledger = one(objects, "StatefulSet", "ledger")["spec"]
    assert mine["metadata"]["name"] in json.dumps(ledger["template"])
    assert ledger["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "100Gi"
    stores, shipped = one(objects, "ConfigMap", "stores")["data"], one(plain, "ConfigMap", "stores")["data"]
    assert stores == shipped | {"JAEGER_OTLP": "jaeger-collector.tracing:4317"}


def test_the_prices_and_budgets_of_the_example_are_understood():
    done = subprocess.run(
        [sys.executable, "-m", "genmeter", "budgets", "check", "--json", "--config", EXAMPLE / "genmeter.toml"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (budget,) = json.loads(done.stdout)
    assert (budget["id"], budget["amount"], budget["time_zone"]) == ("support", "500.00", "Europe/Berlin")


def test_the_command_for_the_operator_makes_one_object_of_each_file_of_rules():
    text = (CONFIG / "kubernetes" / "servicemonitor.yaml").read_text()
    command = "\n".join(re.findall(r"^#   (.+)$", text, re.MULTILINE))
    made, _, applied = command.rpartition(" | ")
    assert applied.startswith("kubectl apply ")
    done = subprocess.run(["bash", "-euc", made], cwd=CONFIG, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    objects = [made for made in yaml.safe_load_all(done.stdout) if made]
    assert {made["kind"] for made in objects} == {"PrometheusRule"}
    assert {made["metadata"]["name"]: made["spec"] for made in objects} == {
        f"genmeter-{path.stem}": yaml.safe_load(path.read_text())
        for path in (CONFIG / "prometheus" / "rules").glob("*.yaml")
    }


def test_a_collector_without_any_store_answers_its_probes(tmp_path):
    made = Manifests().container("otelcol")
    paths = {made[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    with Stack(tmp_path, servers=("otelcol",)) as stack:
        health = f"http://127.0.0.1:{stack['otelcol'].ports['health']}"
        for path in paths:
            assert get(health + path)[0] == 200
