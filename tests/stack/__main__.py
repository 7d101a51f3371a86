"""``make stack``: the servers for a person, until Ctrl-C. What they keep stays in the folder for the next time."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from genmeter.cli.stopping import how_to_stop
from tests.stack import ALL, Stack, StackError
from tests.stack.inherited import restore_for_children
from tests.stack.roster import ROOT

FOLDER = ROOT / ".cache" / "stack"
EVENTS = '{service_name=~".+"} | gen_ai_operation_name="chat"'
SPEND = "sum by (gen_ai_request_model) (genmeter_cost_usd_total)"
SEND = """Send something: in the shell of an app,

  export OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  opentelemetry-instrument python app.py

or, with these two set and no API key, the demo beside loopback providers:

  export PATH="{tools}:$PATH" OTEL_SERVICE_NAME=demo
  python -m tests.demo -- opentelemetry-instrument python examples/demo.py"""
CLOSING = """What it cost: genmeter report --ledger {ledger}
Messages: {messages} (what Slack, PagerDuty, webhook and mail would have got; nothing is sent)
Prices and budgets of your own: {prices} (budgets are read again when it changes)
Data and logs: {folder} (jaeger/log, ...)
These are servers without their pages: Jaeger built from its module shows a placeholder and Prometheus none; the APIs
are whole. The official images, which collector-config/compose.yaml names, have the pages."""


def main(arguments: list[str]) -> int:
    """Start, print where everything is, wait for SIGINT or SIGTERM, stop; exit 1 when a server cannot be kept up.

    Either signal stays ignored where it was ignored at the start, as SIGINT is in a background job. The servers have the
    default of both.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.stack", description=__doc__, allow_abbrev=False)
    parser.add_argument("servers", nargs="*", metavar="SERVER", help=f"{', '.join(ALL)} (default: all)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for data and logs (default .cache/stack)")
    parser.add_argument("--config", type=Path, help="the collector's (default collector-config/otelcol.yaml)")
    args = parser.parse_args(arguments)
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        # As Ctrl-C, at any moment: the `with` below stops whatever runs by then.
        signal.signal(signal.SIGTERM, _interrupt)
    closing = how_to_stop()
    restore_for_children()
    print("What is not in the cache yet is built first: about ten minutes for all servers, on four cores.", flush=True)
    started = time.monotonic()
    try:
        with Stack(args.folder, args.config, args.servers or ALL) as stack:
            print(f"Up after {time.monotonic() - started:.1f} s.\n\n{_welcome(stack)}\n\n{closing}", flush=True)
            _watch(stack)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(stack: Stack) -> None:
    """Until interrupted; StackError when a server ends by itself."""
    wanted = stack.running
    while True:
        for server in wanted:
            if not server.running:
                raise StackError(f"{server.name} has ended by itself:\n{server.tail()}")
        time.sleep(0.5)


def _welcome(stack: Stack) -> str:
    rows = [row for server in stack.running for row in _rows(stack, server.name)]
    wide, far = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    parts = ["\n".join(f"  {name:<{wide}}  {where:<{far}}  {what}" for name, where, what in rows)]
    if "otelcol" in (server.name for server in stack.running):
        parts.append(SEND.format(endpoint=stack.otlp_http, tools=Path(sys.executable).parent))
    ledger = stack.ledger.data / "ledger.db"
    return "\n\n".join(
        [*parts, CLOSING.format(folder=stack.folder, messages=stack.inbox.log, prices=stack.prices, ledger=ledger)]
    )


def _rows(stack: Stack, name: str) -> list[tuple[str, str, str]]:
    """Name, address and what to ask there."""
    server = stack[name]
    asked = {
        "jaeger": "/api/services  /api/traces?service=NAME  /api/v3/traces/TRACE_ID",
        "prometheus": f"/api/v1/query?query={quote(SPEND)}",
        "loki": f"/loki/api/v1/query_range?query={quote(EVENTS)}",
        "alertmanager": "/ and /api/v2/alerts",
        "ledger": f"/api/summary with the token in {server.log.parent / 'token'}",
    }
    if name != "otelcol":
        return [(name, server.url, asked[name])]
    own = f"http://127.0.0.1:{server.ports['metrics']}"
    return [
        (name, server.url, f"OTLP/HTTP; OTLP/gRPC at {stack.otlp_grpc}"),
        ("its metrics", own, "/metrics: what it received, sent, could not price"),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
