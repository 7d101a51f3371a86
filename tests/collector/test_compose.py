"""compose.yaml holds together: files, images, ports, secrets and the configurations that it mounts. No engine is needed.

Each check is a function that names the faults it finds; it finds none in what is shipped, and the ones that are planted.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import pytest

import genmeter
from genmeter.budgets import budgets_of
from genmeter.cli.main import parser
from genmeter.model import Cost, Usage
from genmeter.pricing import Question, catalogue_for
from genmeter.settings import Settings
from tests.collector.composition import DOCKERFILES, PATHS, ROOT, Composition, port_of
from tests.collector.files import CONFIG

Check = Callable[[Composition], Iterator[str]]


def mounts_exist_and_cannot_be_written(shipped: Composition) -> Iterator[str]:
    used: set[str] = set()
    for service in shipped.services:
        for source, target, mode in shipped.mounts(service):
            used.add(source)
            if source.startswith("."):
                if not (CONFIG / source).exists():
                    yield f"{service}: there is no {source}"
                if mode != "ro":
                    yield f"{service}: {source} can be written"
            elif source not in shipped.compose["volumes"] or mode != "rw" or not target.startswith("/"):
                yield f"{service}: {source} is no volume"
    yield from (f"nobody mounts the volume {name}" for name in shipped.compose["volumes"] if name not in used)


def nothing_is_mounted_inside_of_what_is_read_only(shipped: Composition) -> Iterator[str]:
    # The engine makes the place to mount on, and cannot where it must not write.
    for service in shipped.services:
        targets = [*(mount.target for mount in shipped.mounts(service)), *shipped.secrets(service)]
        for outer in shipped.mounts(service):
            for target in targets:
                inside = target != outer.target and PurePosixPath(target).is_relative_to(outer.target)
                if inside and outer.mode == "ro":
                    place = CONFIG / outer.source / PurePosixPath(target).relative_to(outer.target)
                    if not place.exists():
                        yield f"{service}: {target} cannot be made inside of {outer.target}"


def images_are_pinned_by_an_exact_tag(shipped: Composition) -> Iterator[str]:
    for service, made in shipped.services.items():
        bases = [made["image"]]
        if "build" in made:
            if (CONFIG / made["build"]["context"] / made["build"]["dockerfile"]).resolve() != DOCKERFILES[service]:
                yield f"{service}: built from another Dockerfile"
            bases += re.findall(r"^FROM (\S+)", shipped.dockerfiles[service], re.MULTILINE)
        for image in bases:
            if not re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+[\w.-]*|scratch", image):
                yield f"{service}: {image} is not pinned"


def only_loopback_is_published_and_somebody_listens(shipped: Composition) -> Iterator[str]:
    for service, made in shipped.services.items():
        for published in made.get("ports", ()):
            host, _, port = published.rpartition(":")
            if not host.startswith("127.0.0.1:"):
                yield f"{service}: {published} is open to the network"
            if int(port) not in shipped.listening()[service]:
                yield f"{service}: nobody listens on {port}"


def addresses_are_services_and_their_ports(shipped: Composition) -> Iterator[str]:
    listening = shipped.listening()
    for where, address in shipped.addresses():
        host = re.sub(r"^http://|[:/].*$", "", re.sub(r"^http://", "", address))
        if port_of(address) not in listening.get(host, set()):
            yield f"{where}: nobody listens at {address}"
    exposed = re.findall(r"^EXPOSE (.+)$", shipped.dockerfiles["otelcol"], re.MULTILINE)
    if {int(port) for port in exposed[0].split()} != listening["otelcol"]:
        yield f"otelcol: the image exposes {exposed[0]}"


def secrets_are_files_where_the_configurations_look(shipped: Composition) -> Iterator[str]:
    declared = shipped.compose["secrets"]
    for name, one in declared.items():
        if one != {"file": f"./secrets/{name}"}:
            yield f"the secret {name} is not in secrets/"
    mounted = {(service, path) for service in shipped.services for path in shipped.secrets(service)}
    named = set(shipped.secret_files())
    yield from (f"{service}: nothing is mounted at {path}" for service, path in sorted(named - mounted))
    yield from (f"{service}: nobody reads {path}" for service, path in sorted(mounted - named))
    used = {name for service in shipped.services for name in shipped.secrets(service).values()}
    yield from (f"the secret {name} is declared or used alone" for name in sorted(used ^ set(declared)))
    for service, made in shipped.services.items():
        for one in made.get("secrets", ()):
            if not isinstance(one, str) and set(one) != {"source", "target"}:
                yield f"{service}: owner and mode of a secret are ignored"


def no_secret_is_written_down(shipped: Composition) -> Iterator[str]:
    for service, made in shipped.services.items():
        for name in made.get("environment", {}):
            if re.search(r"PASSWORD|TOKEN|SECRET|_KEY", name) and not name.endswith("_FILE"):
                yield f"{service}: {name} belongs into a file"
    if "GF_SECURITY_ADMIN_PASSWORD__FILE" not in shipped.services["grafana"].get("environment", {}):
        yield "grafana: the password is admin"


def files_that_are_named_are_mounted(shipped: Composition) -> Iterator[str]:
    wanted = [("prometheus", f"/etc/prometheus/{name}") for name in shipped.prometheus["rule_files"]]
    wanted += [
        ("prometheus", f"/etc/prometheus/{file}") for file in re.findall(r"'(targets/\S+)'", str(shipped.prometheus))
    ]
    wanted += [("alertmanager", f"/etc/alertmanager/{name}") for name in shipped.alertmanager["templates"]]
    wanted += [("grafana", f"{one['options']['path']}/*.json") for one in shipped.boards]
    wanted += [("grafana", f"/etc/grafana/provisioning/{kind}/*.yaml") for kind in ("dashboards", "datasources")]
    for service, made in shipped.services.items():
        said = [*shipped.command(service), *map(str, made.get("environment", {}).values())]
        wanted += [
            (service, path) for text in said for path in PATHS.findall(text) if re.search(r"\.(ya?ml|toml)$", path)
        ]
    for service, path in wanted:
        host = shipped.on_host(service, path)
        if host is None or not list(host.parent.glob(host.name)):
            yield f"{service}: there is no {path}"


def what_is_kept_is_in_a_volume(shipped: Composition) -> Iterator[str]:
    command = shipped.command("ledger")
    places = {
        "otelcol": shipped.variables["OTELCOL_STORE"],
        "ledger": str(PurePosixPath(command[command.index("--ledger") + 1]).parent),
        "loki": shipped.loki["LOKI_DIR"],
        "grafana": "/var/lib/grafana",
        **{
            service: re.findall(r"--storage\.(?:tsdb\.)?path=(\S+)", " ".join(shipped.command(service)))[0]
            for service in ("prometheus", "alertmanager")
        },
    }
    for service, place in places.items():
        if place not in [mount.target for mount in shipped.mounts(service) if not mount.source.startswith(".")]:
            yield f"{service}: {place} is lost with the container"


def who_is_waited_for_reports_health(shipped: Composition) -> Iterator[str]:
    for service, made in shipped.services.items():
        for name, how in made.get("depends_on", {}).items():
            if (how["condition"] == "service_healthy") != ("healthcheck" in shipped.services.get(name, {})):
                yield f"{service} waits wrongly for {name}"


def prometheus_takes_otlp_and_keeps_exemplars(shipped: Composition) -> Iterator[str]:
    for flag in ("--web.enable-otlp-receiver", "--enable-feature=exemplar-storage"):
        if flag not in shipped.command("prometheus"):
            yield f"prometheus: {flag} is missing"


def one_file_of_the_user_has_prices_for_the_collector_and_budgets_for_the_ledger(shipped: Composition) -> Iterator[str]:
    named = {"otelcol": "GENMETER_PRICES", "ledger": "GENMETER_CONFIG"}
    for service, variable in named.items():
        path = shipped.services[service].get("environment", {}).get(variable, "")
        if shipped.on_host(service, path) != CONFIG / "prices" / "genmeter.toml":
            yield f"{service}: {variable} is not the user's file"
        # Of a single file a container would keep the old one, after an editor that saves by renaming.
        if ("./prices", str(PurePosixPath(path).parent), "ro") not in list(shipped.mounts(service)):
            yield f"{service}: the folder of {path} is not mounted"


def memory_is_limited_in_steps(shipped: Composition) -> Iterator[str]:
    made, hard = shipped.services["otelcol"], int(shipped.variables["OTELCOL_MEMORY_MIB"])
    if made["environment"]["GOMEMLIMIT"] != f"{hard * 4 // 5}MiB":
        yield "otelcol: GOMEMLIMIT is not 80 % of OTELCOL_MEMORY_MIB"
    if not made["mem_limit"].endswith("g") or int(made["mem_limit"][:-1]) * 1024 <= hard:
        yield "otelcol: mem_limit is not above OTELCOL_MEMORY_MIB"


def versions_are_ours(shipped: Composition) -> Iterator[str]:
    manifest = (CONFIG / "otelcol" / "builder.yaml").read_text(encoding="utf-8")
    (collector,) = re.findall(r"^  version: (\S+)$", manifest, re.MULTILINE)
    for service, version in {"otelcol": collector, "ledger": genmeter.__version__}.items():
        if shipped.services[service]["image"] != f"genmeter/{service}:{version}":
            yield f"{service}: the image is not {version}"


def _change(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def _in(service: str, key: str, old: str, new: str) -> Callable[[Composition], object]:
    """Replace text in one key of a service."""

    def plant(copy: Composition) -> None:
        made = copy.services[service]
        made[key] = json.loads(_change(json.dumps(made[key]), old, new))

    return plant


def _dockerfile(service: str, old: str, new: str) -> Callable[[Composition], object]:
    return lambda copy: copy.dockerfiles.update({service: _change(copy.dockerfiles[service], old, new)})


PLANTED: list[tuple[Check, Callable[[Composition], object], str]] = [
    (mounts_exist_and_cannot_be_written, _in("loki", "volumes", "loki.yaml:/", "loki.yml:/"), "loki: there is no ./loki/loki.yml"),
    (mounts_exist_and_cannot_be_written, _in("jaeger", "volumes", ":ro", ""), "jaeger: ./jaeger/jaeger.yaml can be written"),
    (mounts_exist_and_cannot_be_written, lambda copy: copy.compose["volumes"].pop("ledger"), "ledger: ledger is no volume"),
    (
        nothing_is_mounted_inside_of_what_is_read_only,
        lambda copy: copy.services["alertmanager"]["volumes"].append("./alertmanager:/etc/alertmanager:ro"),
        "alertmanager: /etc/alertmanager/secrets/slack_url cannot be made inside of /etc/alertmanager",
    ),
    (images_are_pinned_by_an_exact_tag, _in("loki", "image", ":3.7.8", ":latest"), "loki: grafana/loki:latest is not pinned"),
    (images_are_pinned_by_an_exact_tag, _dockerfile("ledger", "3.11.14-", "3.11-"), "ledger: python:3.11-slim-bookworm is not pinned"),
    (only_loopback_is_published_and_somebody_listens, _in("grafana", "ports", "127.0.0.1:", ""), "grafana: 3000:3000 is open to the network"),
    (only_loopback_is_published_and_somebody_listens, _in("prometheus", "ports", ":9090:9090", ":9091:9091"), "prometheus: nobody listens on 9091"),
    (addresses_are_services_and_their_ports, lambda copy: copy.targets["ledger.json"][0].update(targets=["ledger:8318"]), "ledger.json: nobody listens at ledger:8318"),
    (addresses_are_services_and_their_ports, lambda copy: copy.sources[0].update(url="http://prometheus:9091"), "data source Prometheus: nobody listens at http://prometheus:9091"),
    (addresses_are_services_and_their_ports, lambda copy: copy.variables.update(LOKI_OTLP="http://localhost:3100/otlp"), "LOKI_OTLP: nobody listens at http://localhost:3100/otlp"),
    (addresses_are_services_and_their_ports, _in("alertmanager", "healthcheck", ":9093", ":9094"), "healthcheck of alertmanager: nobody listens at alertmanager:9094"),
    (addresses_are_services_and_their_ports, _dockerfile("otelcol", " 13133", ""), "otelcol: the image exposes 4317 4318 8888"),
    (secrets_are_files_where_the_configurations_look, _in("alertmanager", "secrets", "secrets/slack_url", "slack_url"), "alertmanager: nothing is mounted at /etc/alertmanager/secrets/slack_url"),
    (secrets_are_files_where_the_configurations_look, lambda copy: copy.alertmanager["global"].pop("smtp_auth_password_file"), "alertmanager: nobody reads /etc/alertmanager/secrets/smtp_password"),
    (secrets_are_files_where_the_configurations_look, lambda copy: copy.compose["secrets"].pop("webhook_token"), "the secret webhook_token is declared or used alone"),
    (secrets_are_files_where_the_configurations_look, lambda copy: copy.services["alertmanager"]["secrets"][0].update(mode=0o400), "alertmanager: owner and mode of a secret are ignored"),
    (no_secret_is_written_down, lambda copy: copy.services["grafana"].update(environment={"GF_SECURITY_ADMIN_PASSWORD": "admin"}), "grafana: GF_SECURITY_ADMIN_PASSWORD belongs into a file"),
    (no_secret_is_written_down, lambda copy: copy.services["grafana"].pop("environment"), "grafana: the password is admin"),
    (files_that_are_named_are_mounted, lambda copy: copy.alertmanager.update(templates=["slack/*.tmpl"]), "alertmanager: there is no /etc/alertmanager/slack/*.tmpl"),
    (files_that_are_named_are_mounted, lambda copy: copy.boards[0]["options"].update(path="/srv"), "grafana: there is no /srv/*.json"),
    (files_that_are_named_are_mounted, lambda copy: copy.prometheus.update(rule_files=["rules/*.yml"]), "prometheus: there is no /etc/prometheus/rules/*.yml"),
    (files_that_are_named_are_mounted, _in("jaeger", "command", "jaeger.yaml", "config.yaml"), "jaeger: there is no /etc/jaeger/config.yaml"),
    (files_that_are_named_are_mounted, _dockerfile("otelcol", "otelcol/otelcol.yaml", "otelcol/config.yaml"), "otelcol: there is no /etc/otelcol/config.yaml"),
    (what_is_kept_is_in_a_volume, _in("prometheus", "command", "path=/prometheus", "path=/data"), "prometheus: /data is lost with the container"),
    (what_is_kept_is_in_a_volume, _dockerfile("ledger", "genmeter/ledger.db", "ledger.db"), "ledger: /var/lib is lost with the container"),
    (who_is_waited_for_reports_health, lambda copy: copy.services["ledger"].pop("healthcheck"), "otelcol waits wrongly for ledger"),
    (who_is_waited_for_reports_health, _in("otelcol", "depends_on", '"ledger"', '"books"'), "otelcol waits wrongly for books"),
    (prometheus_takes_otlp_and_keeps_exemplars, _in("prometheus", "command", "--web.enable-otlp-receiver", "--log.level=warn"), "prometheus: --web.enable-otlp-receiver is missing"),
    (one_file_of_the_user_has_prices_for_the_collector_and_budgets_for_the_ledger, _in("ledger", "environment", "genmeter.toml", "budgets.toml"), "ledger: GENMETER_CONFIG is not the user's file"),
    (one_file_of_the_user_has_prices_for_the_collector_and_budgets_for_the_ledger, _in("otelcol", "volumes", "./prices:/etc/genmeter:", "./prices/genmeter.toml:/etc/genmeter/genmeter.toml:"), "otelcol: the folder of /etc/genmeter/genmeter.toml is not mounted"),
    (memory_is_limited_in_steps, lambda copy: copy.variables.update(OTELCOL_MEMORY_MIB="2048"), "otelcol: mem_limit is not above OTELCOL_MEMORY_MIB"),
    (memory_is_limited_in_steps, _in("otelcol", "environment", "1200MiB", "1500MiB"), "otelcol: GOMEMLIMIT is not 80 % of OTELCOL_MEMORY_MIB"),
    (versions_are_ours, _in("ledger", "image", genmeter.__version__, "0.0.9"), f"ledger: the image is not {genmeter.__version__}"),
]  # fmt: skip
CHECKS = list(dict.fromkeys(check for check, _, _ in PLANTED))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_what_is_shipped_it_holds_that(check: Check) -> None:
    assert list(check(Composition())) == []


@pytest.mark.parametrize(("check", "plant", "fault"), PLANTED, ids=[fault for _, _, fault in PLANTED])
def test_a_planted_mistake_is_found(check: Check, plant: Callable[[Composition], object], fault: str) -> None:
    shipped = Composition()
    plant(shipped)
    assert fault in list(check(shipped))


def test_the_services_are_the_collector_the_stores_and_what_shows_them():
    assert set(Composition().services) == {
        "otelcol", "ledger", "jaeger", "loki", "prometheus", "alertmanager", "grafana",
    }  # fmt: skip


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
    assert Composition().services[service]["image"].rpartition(":")[2] == images[pinned]


@pytest.mark.parametrize("service", DOCKERFILES)
def test_a_dockerfile_copies_what_is_there(service):
    copied = re.findall(r"^COPY (?!--from)(.+)", DOCKERFILES[service].read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()[:-1]]
    assert len(sources) >= 5 and [source for source in sources if not (ROOT / source).exists()] == []


def test_the_compiler_in_the_image_is_new_enough_for_the_lock():
    (image,) = re.findall(r"golang:([\d.]+)", DOCKERFILES["otelcol"].read_text())
    for lock in (CONFIG / "otelcol" / "go.mod", ROOT / ".ci" / "servers" / "builder" / "go.mod"):
        (wanted,) = re.findall(r"^go ([\d.]+)$", lock.read_text(), re.MULTILINE)
        assert [*map(int, image.split("."))] >= [*map(int, wanted.split("."))], lock


@pytest.mark.parametrize("service", DOCKERFILES)
def test_an_image_of_ours_runs_as_a_user_that_kubernetes_can_see_is_not_root(service):
    assert re.findall(r"^USER (.+)$", DOCKERFILES[service].read_text(), re.MULTILINE) == ["65532:65532"]


def test_the_ledgers_image_starts_with_options_that_the_command_has():
    entry = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILES["ledger"].read_text(), re.MULTILINE)
    assert [json.loads(line) for line in entry] == [["genmeter", "serve"]]
    parsed = parser(["serve"]).parse_args(["serve", *Composition().command("ledger")])
    assert (parsed.host, parsed.port) == ("0.0.0.0", 4318)
    with pytest.raises(SystemExit):
        parser(["serve"]).parse_args(["serve", "--token", "abc"])


def test_the_commands_at_the_top_make_every_secret_and_keep_others_out(tmp_path):
    head = (CONFIG / "compose.yaml").read_text().partition("\nname:")[0]
    commands = re.findall(r"^#   (.+)$", head, re.MULTILINE)
    assert commands
    for copied in commands:
        subprocess.run(copied, shell=True, check=True, cwd=tmp_path, timeout=60)
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(Composition().compose["secrets"])
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.values()} == {0o644}
    strong = [made[name].read_text() for name in ("ledger_token", "grafana_password")]
    # 32 bytes in base64, and no newline, which some readers would send along
    assert len(set(strong)) == 2 and all(re.fullmatch(r"[A-Za-z0-9+/]{43}=", text) for text in strong)
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/collector-config/secrets/" in ignored


def test_the_shipped_price_file_sets_nothing():
    plain = Settings.load(path=str(CONFIG / "prices" / "genmeter.toml"))
    assert "+own-" not in catalogue_for(plain.prices).version and budgets_of(plain) == ()


def test_the_example_in_the_price_file_is_a_price_and_a_budget(tmp_path):
    text = (CONFIG / "prices" / "genmeter.toml").read_text()
    path = tmp_path / "genmeter.toml"
    path.write_text(re.sub(r"^# (?=\[|\w+ +=)", "", text, flags=re.MULTILINE))
    settings = Settings.load(path=str(path))
    cost = catalogue_for(settings.prices).price(
        Question("openai", "gpt-4o", "gpt-4o", Usage(1_000_000, 1_000_000), 1_795_000_000.0)
    )
    assert isinstance(cost, Cost) and cost.total == (2 + 8) * 10**12
    (budget,) = budgets_of(settings)
    assert (budget.id, budget.amount, budget.period) == ("support", 500 * 10**12, "month")


def test_docker_compose_itself_accepts_the_file():
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("no docker with the compose plugin here; `make e2e` asks the specification's own loader")
    done = subprocess.run(
        [docker, "compose", "--file", CONFIG / "compose.yaml", "config", "--quiet"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
