"""A program with one framework or tool: ``python -m tests.metering_faults.frameworks NAME ORDER``.

``ORDER`` is ``before`` or ``after``: when the tool is put on, seen from us. The program prints, as JSON, what went out.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import openai.resources.responses
from opentelemetry import trace

from genmeter import names
from genmeter.metering import coexist
from genmeter.settings import Settings
from tests.stub import StubServer

from .app import CHAT, RESPONSE
from .sink import Telemetry, scopes, sellers

MODEL = "llama-3.3-70b-versatile"


def load(module: str, *found: str) -> Any:
    """One name of a module that is installed only in the environment of this test."""
    loaded: Any = import_module(module)
    for name in found:
        loaded = getattr(loaded, name)
    return loaded


def chat(client: Any) -> None:
    """A call as a whole, as a stream, and of the other API."""
    client.chat.completions.create(**CHAT)
    list(client.chat.completions.create(**CHAT, stream=True))
    client.responses.create(**RESPONSE)


def plainly(stub: StubServer) -> None:
    chat(openai.OpenAI(base_url=stub.openai_url, api_key="k", max_retries=0))


def azure(telemetry: Telemetry) -> None:
    os.environ["AZURE_EXPERIMENTAL_ENABLE_GENAI_TRACING"] = "true"
    load("azure.core.settings", "settings").tracing_implementation = "opentelemetry"
    load("azure.ai.projects.telemetry", "AIProjectInstrumentor")().instrument()


def langfuse(telemetry: Telemetry) -> None:
    os.environ["LANGFUSE_TRACING_ENABLED"] = "false"
    load("langfuse.openai")


def laminar(telemetry: Telemetry) -> None:
    only = {load("lmnr", "Instruments", "OPENAI")}
    load("lmnr", "Laminar").initialize(
        project_api_key="k" * 64, base_url="http://127.0.0.1", http_port=9, instruments=only
    )


def logfire(telemetry: Telemetry) -> None:
    """Its spans go to a tracer provider of its own, because a global one is there."""
    load("logfire").configure(send_to_logfire=False, console=False)
    load("logfire").instrument_openai()


def logfire_first(telemetry: Telemetry) -> None:
    """Its tracer provider is the global one, and so it is ours."""
    ours = telemetry.tracer_provider._active_span_processor
    load("logfire").configure(send_to_logfire=False, console=False, additional_span_processors=[ours])
    load("logfire").instrument_openai()
    telemetry.tracer_provider = trace.get_tracer_provider()


def agents(telemetry: Telemetry) -> None:
    made = load("openinference.instrumentation.openai_agents", "OpenAIAgentsInstrumentor")()
    made.instrument(tracer_provider=telemetry.tracer_provider)


def langchain(telemetry: Telemetry) -> None:
    made = load("opentelemetry.instrumentation.langchain", "LangchainInstrumentor")()
    made.instrument(tracer_provider=telemetry.tracer_provider, skip_dep_check=True)


def pydantic_ai(telemetry: Telemetry) -> None:
    load("pydantic_ai", "Agent").instrument_all()


def nothing(telemetry: Telemetry) -> None:
    """LangSmith wraps one client."""


def wrapped_client(stub: StubServer) -> None:
    os.environ["LANGSMITH_TRACING"] = "false"
    chat(load("langsmith.wrappers", "wrap_openai")(openai.OpenAI(base_url=stub.openai_url, api_key="k")))


def agents_run(stub: StubServer) -> None:
    client = openai.AsyncOpenAI(base_url=stub.openai_url, api_key="k")
    load("agents", "set_default_openai_client")(client, use_for_tracing=False)
    for model in ("OpenAIChatCompletionsModel", "OpenAIResponsesModel"):
        asked = load("agents", model)(model="gpt-4o", openai_client=client)
        agent = load("agents", "Agent")(name="greeter", model=asked)
        load("agents", "Runner").run_sync(agent, "Hello!")


def langchain_run(stub: StubServer) -> None:
    model = load("langchain_openai", "ChatOpenAI")(model="gpt-4o", base_url=stub.openai_url, api_key="k")
    model.invoke("Hello!")
    list(model.stream("Hello!"))


def pydantic_ai_run(stub: StubServer) -> None:
    """At a seller that the address alone tells: the framework's spans say ``openai``."""
    provider = load("pydantic_ai.providers.openai", "OpenAIProvider")(base_url=stub.flavour_url("groq"), api_key="k")
    agent = load("pydantic_ai", "Agent")(load("pydantic_ai.models.openai", "OpenAIChatModel")(MODEL, provider=provider))
    agent.run_sync("Hello!")
    agent.run_sync("Hello!")


CASES: dict[str, tuple[Callable[[Telemetry], None], Callable[[StubServer], None]]] = {
    "azure-ai-projects": (azure, plainly),
    "langfuse": (langfuse, plainly),
    "langsmith": (nothing, wrapped_client),
    "lmnr": (laminar, plainly),
    "logfire": (logfire, plainly),
    "logfire, first": (logfire_first, plainly),
    "openai-agents": (agents, agents_run),
    "langchain": (langchain, langchain_run),
    "pydantic-ai": (pydantic_ai, pydantic_ai_run),
}


def record(attributes: Any, context: Any) -> dict[str, Any]:
    return {
        "key": [context.trace_id, context.span_id],
        "kind": attributes.get(names.OPERATION) or attributes.get("openinference.span.kind"),
        "provider": attributes.get(names.PROVIDER),
        "cost": attributes.get(names.COST_TOTAL),
        "department": attributes.get(names.DEPARTMENT),
    }


def main(name: str, order: str) -> None:
    warnings.simplefilter("ignore")
    telemetry, (put_on, run) = Telemetry(), CASES[name]
    if name != "logfire, first":
        trace.set_tracer_provider(telemetry.tracer_provider)
    with StubServer() as stub:
        host = stub.url.removeprefix("http://")
        settings = Settings(sellers={**sellers(stub), f"{host}/groq": "groq"}, attribution={"department": "research"})
        if order == "before":
            put_on(telemetry)
        telemetry.instrument(settings)
        if order == "after":
            put_on(telemetry)
        wrapped = [*coexist.wrappers_of(vars(openai.resources.responses.Responses)["create"])]
        wrapped += [*coexist.wrappers_of(vars(openai.OpenAI).get("request"))]
        run(stub)
        spans = telemetry.spans
        found = {
            "wrappers": [coexist._module(one) for one in wrapped],
            "requests": sum(request.path.endswith(("/completions", "/responses")) for request in stub.requests),
            "spans": [{"scope": scopes([s])[0], **record(s.attributes or {}, s.get_span_context())} for s in spans],
            "events": [
                record(e.attributes, e) for e in telemetry.logs_of_ours() if e.event_name == names.EVENT_DETAILS
            ],
            "billed": sum(telemetry.metric(names.COST_USD).values()),
        }
        print(json.dumps(found), flush=True)
        stub.failures.clear()
    os._exit(0)  # the tools' own exporters have nobody to send to


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
