"""How each server is started: its ports, command, variables, and where it answers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.stack import ports
from tests.stack.inbox import Inbox
from tests.stack.server import Server, StackError
from tests.stack.watchdog import Watchdog

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "collector-config"
HOST = "127.0.0.1"
LEDGER = "ledger"
ALL = (LEDGER, "jaeger", "loki", "prometheus", "alertmanager", "otelcol")
"""Every server, in the order of starting: who is sent to stands before the sender."""
PRICES = """# Your own prices and budgets: README.md says how they are written. The collector reads its prices again when it
# changes, the ledger its budgets; the ledger's prices are read when it starts.
"""
PORTS = {
    LEDGER: ("http",),
    "jaeger": ("http", "grpc", "otlp_grpc", "otlp_http", "health"),
    "loki": ("http", "grpc"),
    "prometheus": ("http",),
    "alertmanager": ("http",),
    "otelcol": ("otlp_grpc", "otlp_http", "health", "metrics"),
}


class Edit(NamedTuple):
    """Text that is replaced, wherever it stands, in a stack's copy of one file of collector-config."""

    file: str
    """Relative to collector-config."""
    old: str
    new: str


@dataclass(frozen=True)
class Plan:
    """What all servers of one stack share: the folder, the ports of everybody, the user's variables."""

    folder: Path
    collector_config: Path
    ports: Mapping[str, Mapping[str, int]]
    variables: Mapping[str, str]
    watchdog: Watchdog
    inbox: Inbox
    """Where Alertmanager's messages go."""
    edits: Sequence[Edit] = ()
    """Beside those that every stack needs."""
    programs: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """What to run for a server instead of the built one."""

    def at(self, server: str, port: str = "http") -> str:
        """host:port of somebody's port."""
        return f"{HOST}:{self.ports[server][port]}"

    @property
    def token_file(self) -> Path:
        """The file with the ledger's token, made once for each folder."""
        file = self.folder / LEDGER / "token"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe() + "\n", encoding="utf-8")
        return file

    @property
    def prices(self) -> Path:
        """The user's price file, which the collector refuses to start without; made without prices at first."""
        file = self.folder / "genmeter.toml"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(PRICES, encoding="utf-8")
        return file

    def program(self, server: str) -> Path:
        """What is run for a server."""
        return self.programs.get(server) or program(server)

    def copy(self, name: str, *edits: Edit) -> Path:
        """A copy of a folder of collector-config with these edits and the stack's own; StackError for one in vain."""
        folder = self.folder / name / "config"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(CONFIG / name, folder)
        for edit in (*edits, *self.edits):
            if edit.file.startswith(f"{name}/"):
                file = folder / edit.file.removeprefix(f"{name}/")
                text = file.read_text(encoding="utf-8")
                if edit.old not in text:
                    raise StackError(f"{file} has no {edit.old!r} that could become {edit.new!r}")
                file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        return folder

    def server(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        ready: str,
        config: Path | None = None,
        url: str = "",
        variables: Mapping[str, str] | None = None,
        token: str = "",
    ) -> Server:
        """A server of this stack, not started."""
        # What the shell of the person or the test has set for an application is not meant for the servers.
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GENMETER_", "GO"))}
        return Server(
            name=name,
            url=url or f"http://{self.at(name)}",
            ports=self.ports[name],
            command=[str(part) for part in command],
            environment=clean | dict(variables or {}) | dict(self.variables),
            ready=ready,
            config=config,
            data=self.folder / name / "data",
            log=self.folder / name / "log",
            watchdog=self.watchdog,
            token=token,
        )


def choose_ports() -> dict[str, dict[str, int]]:
    """Free ports for every server, also for those that are not started: nothing then listens there."""
    found = iter(ports.free(sum(map(len, PORTS.values()))))
    return {name: {port: next(found) for port in wanted} for name, wanted in PORTS.items()}


@cache
def program(name: str) -> Path:
    """The server's program, built where it is not yet; asked once for each Python."""
    command = [sys.executable, ROOT / ".ci" / "servers", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StackError(f"{name} cannot be built; the reason stands above, and `make servers` does it alone")
    return Path(done.stdout.split("  ")[-1].strip())


def ledger(plan: Plan) -> Server:
    """The ledger service, with a token."""
    port = str(plan.ports[LEDGER]["http"])
    file = plan.folder / LEDGER / "data" / "ledger.db"
    command = [sys.executable, "-m", "genmeter", "serve", "--host", HOST, "--port", port]
    command += ["--ledger", str(file), "--token-file", str(plan.token_file)]
    token = plan.token_file.read_text(encoding="utf-8").strip()
    variables = {"GENMETER_CONFIG": str(plan.prices)}
    return plan.server(LEDGER, command, ready=f"http://{plan.at(LEDGER)}/readyz", variables=variables, token=token)


def jaeger(plan: Plan) -> Server:
    """Jaeger, in memory."""
    config = CONFIG / "jaeger" / "jaeger.yaml"
    variables = {
        "JAEGER_HEALTH": plan.at("jaeger", "health"),
        "JAEGER_QUERY_HTTP": plan.at("jaeger"),
        "JAEGER_QUERY_GRPC": plan.at("jaeger", "grpc"),
        "JAEGER_OTLP_GRPC": plan.at("jaeger", "otlp_grpc"),
        "JAEGER_OTLP_HTTP": plan.at("jaeger", "otlp_http"),
    }
    ready = f"http://{plan.at('jaeger', 'health')}/status"
    command = [plan.program("jaeger"), "--config", config]
    return plan.server("jaeger", command, config=config, ready=ready, variables=variables)


def loki(plan: Plan) -> Server:
    """Loki, with its files in the stack's folder."""
    config = CONFIG / "loki" / "loki.yaml"
    variables = {
        "LOKI_HOST": HOST,
        "LOKI_HTTP_PORT": str(plan.ports["loki"]["http"]),
        "LOKI_GRPC_PORT": str(plan.ports["loki"]["grpc"]),
        "LOKI_DIR": str(plan.folder / "loki" / "data"),
    }
    command = [plan.program("loki"), f"-config.file={config}", "-config.expand-env=true"]
    ready = f"http://{plan.at('loki')}/ready"
    return plan.server("loki", command, config=config, ready=ready, variables=variables)


def prometheus(plan: Plan) -> Server:
    """Prometheus, on a copy of its folder with targets, token and intervals of this stack.

    It expands no variables. What can differ is in files beside its configuration (targets/*.json, ledger_token), and
    the one substitution is 15s → 1s for the intervals, so that a person or a test need not wait for a figure.
    """
    folder = plan.copy("prometheus", Edit("prometheus/prometheus.yml", "_interval: 15s", "_interval: 1s"))
    config = folder / "prometheus.yml"
    places = {"collector": ("otelcol", "metrics"), "ledger": (LEDGER, "http")}
    places |= {name: (name, "http") for name in ("alertmanager", "prometheus")}
    for target, (server, port) in places.items():
        file = folder / "targets" / f"{target}.json"
        file.write_text(json.dumps([{"targets": [plan.at(server, port)]}]), encoding="utf-8")
    shutil.copy(plan.token_file, folder / "ledger_token")
    command = [
        plan.program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={plan.folder / 'prometheus' / 'data'}",
        f"--web.listen-address={plan.at('prometheus')}",
        "--web.enable-otlp-receiver",
        "--enable-feature=exemplar-storage",
    ]
    return plan.server("prometheus", command, config=config, ready=f"http://{plan.at('prometheus')}/-/ready")


def alertmanager(plan: Plan) -> Server:
    """Alertmanager, alone: no cluster. On a copy of its folder that tells the inbox and nobody else.

    The substitutions are where secrets lie, the addresses of PagerDuty, webhook and mail server (without TLS), and the
    waits of a group. Slack's address is one of the secrets.
    """
    file, inbox = "alertmanager/alertmanager.yml", plan.inbox
    smarthost = f"smtp_smarthost: {inbox.smarthost}\n  smtp_require_tls: false\n  pagerduty_url: {inbox.pagerduty_url}"
    folder = plan.copy(
        "alertmanager",
        Edit(file, "/etc/alertmanager/", f"{plan.folder / 'alertmanager' / 'config'}/"),
        Edit(file, "smtp_smarthost: smtp.example.com:587", smarthost),
        Edit(file, "https://alerts.example.com/genmeter", inbox.webhook_url),
        # Not whole seconds: rules run every second, and groups that are told in the very moment in which an alert comes
        # may tell it together with those that it is about to mute.
        Edit(file, "group_wait: 30s", "group_wait: 1500ms"),
        Edit(file, "group_wait: 5s", "group_wait: 1500ms"),
        Edit(file, "group_interval: 5m", "group_interval: 2s"),
    )
    (folder / "secrets").mkdir(exist_ok=True)
    for name, secret in inbox.secrets.items():
        # Without a newline at the end: Alertmanager 0.25 takes it for a part of the mail server's password.
        (folder / "secrets" / name).write_text(secret, encoding="utf-8")
    config = folder / "alertmanager.yml"
    command = [
        plan.program("alertmanager"),
        f"--config.file={config}",
        f"--storage.path={plan.folder / 'alertmanager' / 'data'}",
        f"--web.listen-address={plan.at('alertmanager')}",
        f"--web.external-url=http://{plan.at('alertmanager')}",  # for the links in messages
        "--cluster.listen-address=",
    ]
    ready = f"http://{plan.at('alertmanager')}/-/ready"
    return plan.server("alertmanager", command, config=config, ready=ready)


def otelcol(plan: Plan) -> Server:
    """The collector with genai_cost."""
    config = plan.collector_config
    variables = {
        "OTELCOL_OTLP_GRPC": plan.at("otelcol", "otlp_grpc"),
        "OTELCOL_OTLP_HTTP": plan.at("otelcol", "otlp_http"),
        "OTELCOL_HEALTH": plan.at("otelcol", "health"),
        "OTELCOL_METRICS_HOST": HOST,
        "OTELCOL_METRICS_PORT": str(plan.ports["otelcol"]["metrics"]),
        "OTELCOL_DERIVED_INTERVAL": "1s",
        "OTELCOL_STORE": str(plan.folder / "otelcol" / "data"),
        "JAEGER_OTLP": plan.at("jaeger", "otlp_grpc"),
        "LOKI_OTLP": f"http://{plan.at('loki')}/otlp",
        "PROMETHEUS_OTLP": f"http://{plan.at('prometheus')}/api/v1/otlp",
        "LEDGER_OTLP": f"http://{plan.at(LEDGER)}",
        "LEDGER_TOKEN_FILE": str(plan.token_file),
        "GENMETER_PRICES": str(plan.prices),
    }
    command = [plan.program("otelcol"), "--config", config]
    return plan.server(
        "otelcol",
        command,
        config=config,
        url=f"http://{plan.at('otelcol', 'otlp_http')}",
        ready=f"http://{plan.at('otelcol', 'health')}/",
        variables=variables,
    )


MADE: dict[str, Callable[[Plan], Server]] = {
    LEDGER: ledger,
    "jaeger": jaeger,
    "loki": loki,
    "prometheus": prometheus,
    "alertmanager": alertmanager,
    "otelcol": otelcol,
}
