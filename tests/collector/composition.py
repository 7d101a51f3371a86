"""compose.yaml and the configurations that it mounts, as one thing to be asked: what is where, and who listens on what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tests.collector.files import CONFIG, VARIABLE, WHOLE, read

ROOT = CONFIG.parent
DOCKERFILES = {"otelcol": CONFIG / "otelcol" / "Dockerfile", "ledger": CONFIG / "ledger" / "Dockerfile"}
PATHS = re.compile(r"(?:^|=)(/[\w./-]+)")


class Mount(NamedTuple):
    """Something of the host, or a named volume, in a container."""

    source: str
    target: str
    mode: str


class Composition:
    """Everything in it may be changed by a test, to see that a mistake is found."""

    def __init__(self) -> None:
        self.compose: dict[str, Any] = read(CONFIG / "compose.yaml")
        self.services: dict[str, dict[str, Any]] = self.compose["services"]
        self.prometheus: dict[str, Any] = read(CONFIG / "prometheus" / "prometheus.yml")
        self.alertmanager: dict[str, Any] = read(CONFIG / "alertmanager" / "alertmanager.yml")
        self.targets = {path.name: read(path) for path in sorted((CONFIG / "prometheus" / "targets").glob("*.json"))}
        provisioning = CONFIG / "grafana" / "provisioning"
        self.sources = [one for path in provisioning.glob("datasources/*.yaml") for one in read(path)["datasources"]]
        self.boards = [one for path in provisioning.glob("dashboards/*.yaml") for one in read(path)["providers"]]
        self.dockerfiles = {name: path.read_text(encoding="utf-8") for name, path in DOCKERFILES.items()}
        self.variables = dict(VARIABLE.findall(WHOLE.read_text(encoding="utf-8")))
        self.jaeger = dict(VARIABLE.findall((CONFIG / "jaeger" / "jaeger.yaml").read_text(encoding="utf-8")))
        loki = (CONFIG / "loki" / "loki.yaml").read_text(encoding="utf-8")
        self.loki = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", loki))

    def mounts(self, service: str) -> Iterator[Mount]:
        """Each volume of a service."""
        for line in self.services[service].get("volumes", ()):
            source, target, *mode = line.split(":")
            yield Mount(source, target, mode[0] if mode else "rw")

    def secrets(self, service: str) -> dict[str, str]:
        """Where in the container each secret is, and its name."""
        found: dict[str, str] = {}
        for one in self.services[service].get("secrets", ()):
            name, target = (one, one) if isinstance(one, str) else (one["source"], one["target"])
            found[str(PurePosixPath("/run/secrets") / target)] = name
        return found

    def on_host(self, service: str, path: str) -> Path | None:
        """The file or folder of ours that a container sees at `path`; None where it sees nothing of ours."""
        for mount in sorted(self.mounts(service), key=lambda mount: -len(mount.target)):
            if mount.source.startswith(".") and PurePosixPath(path).is_relative_to(mount.target):
                return CONFIG / mount.source / PurePosixPath(path).relative_to(mount.target)
        return None

    def command(self, service: str) -> list[str]:
        """The arguments that a container is started with."""
        if service in self.dockerfiles:
            return json.loads(re.findall(r"^CMD (\[.*\])$", self.dockerfiles[service], re.MULTILINE)[0])
        return self.services[service].get("command", [])

    def listening(self) -> dict[str, set[int]]:
        """The ports of each service, from its own configuration, its image's Dockerfile or its image's defaults."""
        mine = ("OTELCOL_OTLP_GRPC", "OTELCOL_OTLP_HTTP", "OTELCOL_HEALTH", "OTELCOL_METRICS_PORT")
        (ledger,) = re.findall(r"^EXPOSE (\d+)$", self.dockerfiles["ledger"], re.MULTILINE)
        return {
            "otelcol": {port_of(self.variables[name]) for name in mine},
            "ledger": {int(ledger)},
            "jaeger": {port_of(value) for value in self.jaeger.values() if ":" in value},
            "loki": {int(self.loki["LOKI_HTTP_PORT"])},
            "prometheus": {9090},
            "alertmanager": {9093},
            "grafana": {3000},
        }

    def addresses(self) -> Iterator[tuple[str, str]]:
        """(who says so, host:port or URL) of every service that a configuration names."""
        for name in ("JAEGER_OTLP", "LOKI_OTLP", "PROMETHEUS_OTLP", "LEDGER_OTLP"):
            yield name, self.variables[name]
        for file, groups in self.targets.items():
            yield from ((file, target) for group in groups for target in group["targets"])
        yield from ((f"data source {one['name']}", one["url"]) for one in self.sources)
        for service, made in self.services.items():
            for asked in re.findall(r"http://127\.0\.0\.1(:\d+)", str(made.get("healthcheck", ""))):
                yield f"healthcheck of {service}", service + asked

    def secret_files(self) -> Iterator[tuple[str, str]]:
        """(service, path in its container) of every secret file that a configuration names."""
        for key, value in _pairs(self.alertmanager):
            if key.endswith("_file"):
                yield "alertmanager", str(PurePosixPath("/etc/alertmanager") / value)
        for key, value in _pairs(self.prometheus):
            if key.endswith("_file"):
                yield "prometheus", str(PurePosixPath("/etc/prometheus") / value)
        yield "otelcol", self.variables["LEDGER_TOKEN_FILE"]
        command = self.command("ledger")
        yield "ledger", command[command.index("--token-file") + 1]
        for service, made in self.services.items():
            yield from (
                (service, value) for key, value in made.get("environment", {}).items() if key.endswith("__FILE")
            )


def port_of(address: str) -> int:
    """The port of ``host:port``, of a URL, or of a bare number."""
    return int(re.findall(r"(?:^|:)(\d+)(?:/|$)", address)[0])


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield key, inner
            else:
                yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)
