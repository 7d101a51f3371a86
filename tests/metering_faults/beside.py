"""A program beside one other instrumentation: ``python -m tests.metering_faults.beside NEIGHBOUR ORDER CALL...``.

It prints, as JSON, what each call gave the app and what went out.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from typing import Any

from opentelemetry import trace

from genmeter import names
from genmeter.settings import Settings
from tests.stub import StubServer

from . import app
from .app import Clients
from .sink import Telemetry, scopes, sellers
from .test_neighbours import beside, of_models

KEY = ("trace_id", "span_id")


def facts(attributes: Any, context: Any) -> dict[str, Any]:
    """What a test asks of a span or an event."""
    return {
        "key": [getattr(context, name) for name in KEY],
        "cost": attributes.get(names.COST_TOTAL),
        "department": attributes.get(names.DEPARTMENT),
        "input": attributes.get(names.INPUT_TOKENS),
    }


def seen(name: str, clients: Clients, telemetry: Telemetry, runner: asyncio.Runner, bare: Any) -> dict[str, Any]:
    """One call, and what it left."""
    before = sum(telemetry.metric(names.COST_USD).values())
    telemetry.clear()
    same = app.outcome(app.WAYS[name], clients, runner) == bare
    spans = of_models(telemetry.spans)
    events = [log for log in telemetry.logs_of_ours() if log.event_name == names.EVENT_DETAILS]
    return {
        "app": "as without us" if same else "different",
        "spans": [{"scope": scopes([span])[0], **facts(span.attributes, span.get_span_context())} for span in spans],
        "events": [facts(event.attributes, event) for event in events],
        "billed": sum(telemetry.metric(names.COST_USD).values()) - before,
    }


def main(neighbour: str, order: str, calls: list[str]) -> None:
    """Make the calls with both instrumentations on."""
    warnings.simplefilter("ignore")
    telemetry, sdk = Telemetry(), "anthropic" if "message" in calls[0] else "openai"
    trace.set_tracer_provider(telemetry.tracer_provider)
    with StubServer(fixed=True) as stub, asyncio.Runner() as runner:
        app.prepare(stub)
        bare = {name: app.outcome(app.WAYS[name], Clients(stub), runner) for name in calls}
        settings = Settings(sellers=sellers(stub), attribution={"department": "research"})
        with beside(neighbour, sdk, order, telemetry, settings):
            clients = Clients(stub)
            print(json.dumps({name: seen(name, clients, telemetry, runner, bare[name]) for name in calls}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
