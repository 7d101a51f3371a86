"""The Kubernetes manifests hold together, and with the configurations and the service that they run. No cluster is needed.

As in test_compose.py: each check names the faults that it finds, none in what is shipped and those that are planted.
"""

from __future__ import annotations

import http.client
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from genmeter.cli.serve import DRAIN_SECONDS
from genmeter.settings import VARIABLES
from tests.collector.composition import Composition
from tests.collector.files import CONFIG
from tests.collector.manifests import MOST_BYTES, WORKLOADS, Manifests, faults, megabytes
from tests.server.client import service

COMPOSITION = Composition()
Check = Callable[[Manifests], Iterator[str]]


def objects_are_what_the_api_knows(shipped: Manifests) -> Iterator[str]:
    for one in shipped.objects:
        yield from (f"{one['kind']} {one['metadata']['name']}: {fault}" for fault in faults(one))


def selectors_match_labels(shipped: Manifests) -> Iterator[str]:
    pods = {
        name: one["spec"]["template"]["metadata"]["labels"].items() for name, one in shipped.kind("StatefulSet").items()
    }
    services = shipped.kind("Service")
    asked: list[tuple[str, dict[str, str], str]] = []
    for name, one in services.items():
        asked.append((f"Service {name}", one["spec"]["selector"], name))
    for name, one in shipped.kind("StatefulSet").items():
        asked.append((f"StatefulSet {name}", one["spec"]["selector"]["matchLabels"], name))
        for spread in one["spec"]["template"]["spec"].get("topologySpreadConstraints", ()):
            asked.append((f"spread of {name}", spread["labelSelector"]["matchLabels"], name))
        if one["spec"]["serviceName"] not in services:
            yield f"StatefulSet {name}: there is no Service {one['spec']['serviceName']}"
    for name, one in shipped.kind("PodDisruptionBudget").items():
        asked.append((f"PodDisruptionBudget {name}", one["spec"]["selector"]["matchLabels"], name))
    for who, selector, wanted in asked:
        if [name for name, labels in pods.items() if selector.items() <= labels] != [wanted]:
            yield f"{who} does not select {wanted}"


def ports_lead_to_who_listens(shipped: Manifests) -> Iterator[str]:
    for name, _, container in shipped.pods():
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        if set(ports.values()) != COMPOSITION.listening()[name]:
            yield f"{name}: it listens on {sorted(COMPOSITION.listening()[name])}, not on {sorted(ports.values())}"
        for port in shipped.kind("Service")[name]["spec"]["ports"]:
            if ports.get(port["targetPort"]) != port["port"]:
                yield f"Service {name}: {port['port']} leads to no {port['targetPort']}"
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            if container.get(kind, {}).get("httpGet", {}).get("port") not in ports:
                yield f"{name}: the {kind} asks a port without a name"
    host, _, port = COMPOSITION.variables["LEDGER_OTLP"].removeprefix("http://").partition(":")
    if int(port) not in [
        one["port"] for one in shipped.kind("Service").get(host, {"spec": {"ports": []}})["spec"]["ports"]
    ]:
        yield "otelcol: the ledger is elsewhere"


def every_file_is_mounted_where_it_is_read(shipped: Manifests) -> Iterator[str]:
    generated = shipped.generated()
    for name, keys in generated.items():
        for path in keys.values():
            if "/" in path and "=" not in path and not path.startswith("http") and not (CONFIG / path).is_file():
                yield f"{name}: there is no {path}"
    for workload, pod, _ in shipped.pods():
        for volume in pod["volumes"]:
            if "configMap" in volume and volume["configMap"]["name"] not in generated:
                yield f"{workload}: nobody makes {volume['configMap']['name']}"
        mounted = shipped.mounted(workload)
        named = [*COMPOSITION.command(workload), *map(str, shipped.environment(workload).values())]
        for path in named:
            if re.fullmatch(r"/\S+\.(yaml|toml)|/run/secrets/\S+", path) and path not in mounted:
                yield f"{workload}: there is no {path}"
    files = {key: sorted(values.values()) for key, values in generated.items()}
    if files.get("genmeter") != ["prices/genmeter.toml"] or files.get("otelcol") != ["otelcol.yaml"]:
        yield "the configurations are others than those of compose.yaml"


def all_rules_and_dashboards_are_there(shipped: Manifests) -> Iterator[str]:
    listed = [path for keys in shipped.generated().values() for path in keys.values()]
    for pattern in ("prometheus/rules/*.yaml", "grafana/dashboards/*.json"):
        for file in sorted(CONFIG.glob(pattern)):
            if listed.count(str(file.relative_to(CONFIG))) != 1:
                yield f"{file.name} is not listed once"
    for one in shipped.kustomization["configMapGenerator"]:
        options, files = one.get("options", {}), one.get("files", ())
        if sum((CONFIG / path).stat().st_size for path in files if (CONFIG / path).exists()) > MOST_BYTES * 9 // 10:
            yield f"{one['name']} is too large for a ConfigMap"
        if any(path.startswith("grafana/") for path in files) and options.get("labels") != {"grafana_dashboard": "1"}:
            yield f"{one['name']}: the sidecar does not see it"
        # Of what our own pods mount a new name starts new pods; to others a new name is another object beside the old.
        if options.get("disableNameSuffixHash", False) != one["name"].startswith("genmeter-"):
            yield f"{one['name']}: its name has a hash where it must not, or none where it must"


def secrets_are_only_referred_to(shipped: Manifests) -> Iterator[str]:
    if shipped.kind("Secret") or "secretGenerator" in shipped.kustomization:
        yield "a secret is written down"
    token = "Secret genmeter/ledger_token"
    command = COMPOSITION.command("ledger")
    wanted = {
        "otelcol": COMPOSITION.variables["LEDGER_TOKEN_FILE"],
        "ledger": command[command.index("--token-file") + 1],
    }
    for workload, path in wanted.items():
        if shipped.mounted(workload).get(path) != token:
            yield f"{workload}: the token is not at {path}"
        for name, value in shipped.environment(workload).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|_KEY", name) and not str(value).startswith("/"):
                yield f"{workload}: {name} belongs into a file"
        for volume in shipped.pod(workload)["volumes"]:
            if "secret" in volume and volume["secret"].get("defaultMode") != 0o440:
                yield f"{workload}: the token can be read by others than the group of the pod"


def variables_are_read_by_somebody(shipped: Manifests) -> Iterator[str]:
    known = {"otelcol": {*COMPOSITION.variables, "GOMEMLIMIT"}, "ledger": VARIABLES}
    for workload in WORKLOADS:
        for name in shipped.environment(workload):
            if name not in known[workload]:
                yield f"{workload}: nobody reads {name}"
    instance = [one for one in shipped.container("otelcol")["env"] if one["name"] == "OTELCOL_INSTANCE"]
    if [one.get("valueFrom") for one in instance] != [{"fieldRef": {"fieldPath": "metadata.name"}}]:
        yield "otelcol: two collectors would write the same series"


def images_are_those_of_compose(shipped: Manifests) -> Iterator[str]:
    for name, _, container in shipped.pods():
        if container["image"] != COMPOSITION.services[name]["image"]:
            yield f"{name}: compose.yaml has another image than {container['image']}"


def pods_ask_for_nothing_that_restricted_forbids(shipped: Manifests) -> Iterator[str]:
    # The list of the profile `restricted`, and beyond it the read-only root and no token of the API.
    for name, pod, container in shipped.pods():
        context, own = pod.get("securityContext", {}), container.get("securityContext", {})
        wanted = {
            "a user that is not root": context.get("runAsNonRoot") is True and context.get("runAsUser") == 65532,
            "its group on the volumes": context.get("fsGroup") == 65532,
            "the seccomp profile": context.get("seccompProfile") == {"type": "RuntimeDefault"},
            "no escalation": own.get("allowPrivilegeEscalation") is False,
            "no capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "a root that is read-only": own.get("readOnlyRootFilesystem") is True,
            "no token of the API": pod.get("automountServiceAccountToken") is False,
            "no variables of Services": pod.get("enableServiceLinks") is False,
            "nothing of the host": not any("hostPath" in volume for volume in pod["volumes"]),
        }
        yield from (f"{name}: {what} is missing" for what, there in wanted.items() if not there)
    labels = shipped.kind("Namespace")[shipped.kustomization["namespace"]]["metadata"]["labels"]
    if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the namespace takes any pod"


def memory_and_disk_are_enough(shipped: Manifests) -> Iterator[str]:
    for name, _, container in shipped.pods():
        asked, most = container["resources"]["requests"], container["resources"]["limits"]
        if megabytes(asked["memory"]) > megabytes(most["memory"]) or "cpu" not in asked:
            yield f"{name}: it asks for more memory than it may have, or for no CPU"
    hard = int(shipped.environment("otelcol").get("OTELCOL_MEMORY_MIB") or COMPOSITION.variables["OTELCOL_MEMORY_MIB"])
    if shipped.environment("otelcol")["GOMEMLIMIT"] != f"{hard * 4 // 5}MiB":
        yield "otelcol: GOMEMLIMIT is not 80 % of OTELCOL_MEMORY_MIB"
    if megabytes(shipped.container("otelcol")["resources"]["limits"]["memory"]) <= hard:
        yield "otelcol: it is killed before memory_limiter refuses"
    # Jaeger, ledger twice (spans and events), Loki, Prometheus; compaction writes the largest a second time.
    queues = 6 * int(COMPOSITION.variables["OTELCOL_QUEUE_BYTES"])
    if shipped.claims("otelcol").get(COMPOSITION.variables["OTELCOL_STORE"], 0) * 2**30 < queues:
        yield "otelcol: the queues do not fit on their volume"
    if "/var/lib/genmeter" not in shipped.claims("ledger"):
        yield "ledger: it is lost with the pod"


def there_is_one_ledger(shipped: Manifests) -> Iterator[str]:
    if shipped.kind("StatefulSet")["ledger"]["spec"]["replicas"] != 1:
        yield "ledger: SQLite has one writer"


def probes_are_three_and_each_asks_what_it_should(shipped: Manifests) -> Iterator[str]:
    paths = {"otelcol": ("/", "/", "/"), "ledger": ("/healthz", "/healthz", "/readyz")}
    for name, _, container in shipped.pods():
        probes = [container.get(kind, {}) for kind in ("startupProbe", "livenessProbe", "readinessProbe")]
        start, alive, ready = probes
        if tuple(one.get("httpGet", {}).get("path") for one in probes) != paths[name]:
            yield f"{name}: a probe asks for another path than {paths[name]}"
        if any("initialDelaySeconds" in one for one in probes):
            yield f"{name}: a delay is a guess; the startup probe knows"
        # Seconds between, seconds to wait, failures: what was asked for, with the delays in the startup probe.
        for probe, numbers in ((alive, (10, 5, 3)), (ready, (5, 3, 2))):
            if tuple(probe.get(key) for key in ("periodSeconds", "timeoutSeconds", "failureThreshold")) != numbers:
                yield f"{name}: {numbers} was asked for"
        if start.get("periodSeconds", 10) * start.get("failureThreshold", 3) < 300:
            yield f"{name}: five minutes are allowed for a start"


def stopping_takes_as_long_as_it_may(shipped: Manifests) -> Iterator[str]:
    for name, pod, _ in shipped.pods():
        grace = pod.get("terminationGracePeriodSeconds", 30)
        if f"{grace}s" != COMPOSITION.services[name].get("stop_grace_period") or grace < 2 * DRAIN_SECONDS:
            yield f"{name}: {grace} s are not what compose.yaml gives it"


def monitors_make_the_jobs_that_the_rules_ask_for(shipped: Manifests) -> Iterator[str]:
    jobs = {job["job_name"]: job for job in COMPOSITION.prometheus["scrape_configs"]}
    found: set[str] = set()
    for monitor in shipped.monitors:
        selector = monitor["spec"]["selector"]["matchLabels"].items()
        matched = [one for one in shipped.kind("Service").values() if selector <= one["metadata"]["labels"].items()]
        if len(matched) != 1:
            yield f"{monitor['metadata']['name']} selects {len(matched)} Services"
            continue
        job = matched[0]["metadata"]["labels"].get(monitor["spec"].get("jobLabel"), matched[0]["metadata"]["name"])
        found.add(job)
        (endpoint,) = monitor["spec"]["endpoints"]
        ports = {port["name"]: port["port"] for port in matched[0]["spec"]["ports"]}
        target = COMPOSITION.targets.get(f"{job}.json", [{"targets": [""]}])[0]["targets"][0]
        if not target.endswith(f":{ports.get(endpoint['port'])}"):
            yield f"{monitor['metadata']['name']}: the metrics are not at {endpoint['port']}"
        if ("authorization" in endpoint) != ("authorization" in jobs.get(job, {})):
            yield f"{monitor['metadata']['name']}: the token is missing or not needed"
    if found != {"collector", "ledger"}:
        yield f"the rules ask for the jobs collector and ledger, not for {sorted(found)}"


def _pod(workload: str, **changes: Any) -> Callable[[Manifests], object]:
    return lambda copy: copy.pod(workload).update(changes)


def _container(workload: str, **changes: Any) -> Callable[[Manifests], object]:
    return lambda copy: copy.container(workload).update(changes)


def _generator(name: str, /, **changes: Any) -> Callable[[Manifests], object]:
    def plant(copy: Manifests) -> None:
        next(one for one in copy.kustomization["configMapGenerator"] if one["name"] == name).update(changes)

    return plant


def _variable(workload: str, name: str, /, **value: Any) -> Callable[[Manifests], object]:
    def plant(copy: Manifests) -> None:
        rest = [one for one in copy.container(workload)["env"] if one["name"] != name]
        copy.container(workload)["env"] = [*rest, {"name": name, **value}]

    return plant


PLANTED: list[tuple[Check, Callable[[Manifests], object], str]] = [
    (objects_are_what_the_api_knows, _pod("ledger", terminationGracePeriod=30), "StatefulSet ledger: Additional properties are not allowed ('terminationGracePeriod' was unexpected)"),
    (objects_are_what_the_api_knows, lambda copy: copy.kind("Service")["ledger"]["spec"]["ports"][0].update(port="4318"), "Service ledger: '4318' is not of type 'integer'"),
    (objects_are_what_the_api_knows, lambda copy: copy.kind("StatefulSet")["otelcol"]["spec"].pop("serviceName"), "StatefulSet otelcol: 'serviceName' is a required property"),
    (selectors_match_labels, lambda copy: copy.kind("Service")["otelcol"]["spec"].update(selector={"app": "otelcol"}), "Service otelcol does not select otelcol"),
    (selectors_match_labels, lambda copy: copy.kind("PodDisruptionBudget")["otelcol"]["spec"].update(selector={"matchLabels": {}}), "PodDisruptionBudget otelcol does not select otelcol"),
    (selectors_match_labels, lambda copy: copy.kind("StatefulSet")["ledger"]["spec"].update(serviceName="books"), "StatefulSet ledger: there is no Service books"),
    (ports_lead_to_who_listens, lambda copy: copy.kind("Service")["ledger"]["spec"]["ports"][0].update(targetPort="web"), "Service ledger: 4318 leads to no web"),
    (ports_lead_to_who_listens, _container("ledger", ports=[{"name": "http", "containerPort": 8080}]), "ledger: it listens on [4318], not on [8080]"),
    (ports_lead_to_who_listens, _container("otelcol", livenessProbe={"httpGet": {"path": "/", "port": "web"}}), "otelcol: the livenessProbe asks a port without a name"),
    (ports_lead_to_who_listens, lambda copy: copy.kind("Service")["ledger"]["spec"]["ports"][0].update(port=80), "otelcol: the ledger is elsewhere"),
    (every_file_is_mounted_where_it_is_read, _generator("genmeter", files=["genmeter/genmeter.toml"]), "genmeter: there is no genmeter/genmeter.toml"),
    (every_file_is_mounted_where_it_is_read, _generator("otelcol", name="collector"), "otelcol: nobody makes otelcol"),
    (every_file_is_mounted_where_it_is_read, _variable("ledger", "GENMETER_CONFIG", value="/etc/genmeter.toml"), "ledger: there is no /etc/genmeter.toml"),
    (every_file_is_mounted_where_it_is_read, _generator("otelcol", files=["variants/agent.yaml"]), "otelcol: there is no /etc/otelcol/otelcol.yaml"),
    (all_rules_and_dashboards_are_there, _generator("genmeter-rules", files=["prometheus/rules/budgets.yaml"]), "recording.yaml is not listed once"),
    (all_rules_and_dashboards_are_there, _generator("genmeter-dashboard-cost", options={"disableNameSuffixHash": True}), "genmeter-dashboard-cost: the sidecar does not see it"),
    (all_rules_and_dashboards_are_there, _generator("genmeter-rules", options={}), "genmeter-rules: its name has a hash where it must not, or none where it must"),
    (all_rules_and_dashboards_are_there, _generator("genmeter-rules", files=["otelcol/go.sum"] * 13), "genmeter-rules is too large for a ConfigMap"),
    (secrets_are_only_referred_to, lambda copy: copy.kustomization.update(secretGenerator=[]), "a secret is written down"),
    (secrets_are_only_referred_to, _variable("ledger", "GENMETER_TOKEN", value="abc"), "ledger: GENMETER_TOKEN belongs into a file"),
    (secrets_are_only_referred_to, lambda copy: copy.container("otelcol")["volumeMounts"][2].update(mountPath="/secrets"), "otelcol: the token is not at /run/secrets/ledger_token"),
    (secrets_are_only_referred_to, lambda copy: copy.pod("ledger")["volumes"][1]["secret"].pop("defaultMode"), "ledger: the token can be read by others than the group of the pod"),
    (variables_are_read_by_somebody, _generator("stores", literals=["JAEGER_ENDPOINT=jaeger:4317"]), "otelcol: nobody reads JAEGER_ENDPOINT"),
    (variables_are_read_by_somebody, _variable("ledger", "GENMETER_PRICES_FILE", value="x"), "ledger: nobody reads GENMETER_PRICES_FILE"),
    (variables_are_read_by_somebody, _variable("otelcol", "OTELCOL_INSTANCE", value="otelcol-1"), "otelcol: two collectors would write the same series"),
    (images_are_those_of_compose, _container("ledger", image="genmeter/ledger:latest"), "ledger: compose.yaml has another image than genmeter/ledger:latest"),
    (pods_ask_for_nothing_that_restricted_forbids, _container("otelcol", securityContext={"readOnlyRootFilesystem": True}), "otelcol: no capabilities is missing"),
    (pods_ask_for_nothing_that_restricted_forbids, _pod("ledger", securityContext={"runAsNonRoot": True}), "ledger: a user that is not root is missing"),
    (pods_ask_for_nothing_that_restricted_forbids, lambda copy: copy.pod("ledger").pop("automountServiceAccountToken"), "ledger: no token of the API is missing"),
    (memory_and_disk_are_enough, _variable("otelcol", "GOMEMLIMIT", value="1500MiB"), "otelcol: GOMEMLIMIT is not 80 % of OTELCOL_MEMORY_MIB"),
    (memory_and_disk_are_enough, lambda copy: copy.container("otelcol")["resources"]["limits"].update(memory="1Gi"), "otelcol: it is killed before memory_limiter refuses"),
    (memory_and_disk_are_enough, lambda copy: copy.container("ledger")["resources"]["requests"].update(memory="2Gi"), "ledger: it asks for more memory than it may have, or for no CPU"),
    (memory_and_disk_are_enough, lambda copy: copy.kind("StatefulSet")["otelcol"]["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"].update(storage="5Gi"), "otelcol: the queues do not fit on their volume"),
    (memory_and_disk_are_enough, lambda copy: copy.container("ledger")["volumeMounts"][2].update(mountPath="/data"), "ledger: it is lost with the pod"),
    (there_is_one_ledger, lambda copy: copy.kind("StatefulSet")["ledger"]["spec"].update(replicas=2), "ledger: SQLite has one writer"),
    (probes_are_three_and_each_asks_what_it_should, lambda copy: copy.container("ledger")["livenessProbe"]["httpGet"].update(path="/readyz"), "ledger: a probe asks for another path than ('/healthz', '/healthz', '/readyz')"),
    (probes_are_three_and_each_asks_what_it_should, lambda copy: copy.container("ledger")["livenessProbe"].update(initialDelaySeconds=30), "ledger: a delay is a guess; the startup probe knows"),
    (probes_are_three_and_each_asks_what_it_should, lambda copy: copy.container("otelcol")["readinessProbe"].update(timeoutSeconds=1), "otelcol: (5, 3, 2) was asked for"),
    (probes_are_three_and_each_asks_what_it_should, lambda copy: copy.container("otelcol").pop("startupProbe"), "otelcol: five minutes are allowed for a start"),
    (stopping_takes_as_long_as_it_may, _pod("otelcol", terminationGracePeriodSeconds=10), "otelcol: 10 s are not what compose.yaml gives it"),
    (monitors_make_the_jobs_that_the_rules_ask_for, lambda copy: copy.monitors[0]["spec"].pop("jobLabel"), "the rules ask for the jobs collector and ledger, not for ['ledger', 'otelcol']"),
    (monitors_make_the_jobs_that_the_rules_ask_for, lambda copy: copy.monitors[1]["spec"]["endpoints"][0].pop("authorization"), "genmeter-ledger: the token is missing or not needed"),
    (monitors_make_the_jobs_that_the_rules_ask_for, lambda copy: copy.monitors[0]["spec"]["endpoints"][0].update(port="otlp-http"), "genmeter-collector: the metrics are not at otlp-http"),
    (monitors_make_the_jobs_that_the_rules_ask_for, lambda copy: copy.monitors[0]["spec"]["selector"].update(matchLabels={"app": "otelcol"}), "genmeter-collector selects 0 Services"),
]  # fmt: skip
CHECKS = list(dict.fromkeys(check for check, _, _ in PLANTED))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_what_is_shipped_it_holds_that(check: Check) -> None:
    assert list(check(Manifests())) == []


@pytest.mark.parametrize(("check", "plant", "fault"), PLANTED, ids=[fault for _, _, fault in PLANTED])
def test_a_planted_mistake_is_found(check: Check, plant: Callable[[Manifests], object], fault: str) -> None:
    shipped = Manifests()
    plant(shipped)
    assert fault in list(check(shipped))


def asked(port: int, path: str) -> int:
    """What a kubelet is answered: it comes from another machine, names the pod's address, and has no token."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": "10.244.1.7:4318", "User-Agent": "kube-probe/1.31"})
    status = connection.getresponse().status
    connection.close()
    return status


def became(status: int, port: int, path: str) -> bool:
    """An answer is kept for a second, so a change is seen a little later."""
    end = time.monotonic() + 60
    while asked(port, path) != status:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_a_ledger_that_cannot_write_is_not_ready_and_is_not_restarted(tmp_path):
    made = Manifests().container("ledger")
    start, alive, ready = (
        made[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    )
    (tmp_path / "token").write_text("s3cret\n")
    with service(tmp_path, "--host", "0.0.0.0", "--token-file", tmp_path / "token") as running:
        assert [asked(running.port, path) for path in (start, alive, ready)] == [200, 200, 200]
        assert asked(running.port, "/health") != 200
        holder = sqlite3.connect(running.ledger, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")  # from now on nobody else writes
        try:
            assert became(503, running.port, ready)
            assert asked(running.port, start) == asked(running.port, alive) == 200
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        assert became(200, running.port, ready)
