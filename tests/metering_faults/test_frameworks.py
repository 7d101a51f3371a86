"""Beside frameworks that trace their model calls, and tools that wrap the SDKs: the newest of each that was read.

Each runs in a process of its own (``frameworks.py``), because what a tool has patched stays patched. What is not installed
here is skipped: ``make test-coexist`` has an environment with all of them.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from genmeter.metering.coexist import NO_RIVALS, RIVALS, Tool

from .sink import OURS

pytestmark = pytest.mark.peer
TOOLS = {tool.package: tool for tool in (*RIVALS, *NO_RIVALS)}
KINDS = ("chat", "LLM", "generate_content", "text_completion")


def there(package: str) -> str | None:
    """The version that is installed here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def needs(package: str, name: str = "") -> list[pytest.MarkDecorator]:
    """Skip without the package; run all that ask for one program in one worker, where its result is kept."""
    missing = pytest.mark.skipif(there(package) is None, reason=f"{package} is not installed")
    return [missing, pytest.mark.xdist_group(name or package)]


def marked(package: str, name: str = "") -> Callable[[Any], Any]:
    return lambda function: functools.reduce(lambda made, mark: mark(made), needs(package, name), function)


@cache
def run(name: str, order: str = "after") -> dict[str, Any]:
    """What went out of a program with the framework or tool."""
    command = [sys.executable, "-m", "tests.metering_faults.frameworks", name, order]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "said": done.stderr}


def calls(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans of model calls."""
    return [span for span in found["spans"] if span["kind"] in KINDS]


@pytest.mark.parametrize(
    "tool", [tool for tool in TOOLS.values() if there(tool.package)], ids=lambda tool: tool.package
)
def test_the_table_says_what_was_read_of_the_newest_release(tool: Tool) -> None:
    assert there(tool.package) == tool.version, "read the new release, and put its version into the table"


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(n)) for n in ("azure-ai-projects", "lmnr", "logfire")])
def test_a_rival_is_known_by_the_module_of_its_wrapper(name: str) -> None:
    assert any(module.startswith(TOOLS[name].prefix) for module in run(name)["wrappers"])


@pytest.mark.parametrize(
    ("name", "package", "scope"),
    [
        pytest.param("pydantic-ai", "pydantic-ai-slim", "pydantic-ai", marks=needs("pydantic-ai-slim")),
        pytest.param(
            "openai-agents",
            "openinference-instrumentation-openai-agents",
            "openinference.instrumentation.openai_agents",
            marks=needs("openinference-instrumentation-openai-agents"),
        ),
    ],
)
def test_a_frameworks_span_around_the_call_is_its_one_span_and_one_bill(name: str, package: str, scope: str) -> None:
    found = run(name)
    spans = calls(found)
    assert len(spans) == len(found["events"]) == found["requests"] == 2
    assert {span["scope"] for span in spans} == {scope}
    assert [span["key"] for span in spans] == [event["key"] for event in found["events"]]
    assert sum(span["cost"] for span in spans) == pytest.approx(found["billed"]) and found["billed"] > 0
    assert {span["department"] for span in spans} == {"research"}
    assert all(span["cost"] is None for span in found["spans"] if span not in spans), "agents and tools are no calls"


@marked("pydantic-ai-slim")
def test_a_frameworks_span_names_the_seller_that_the_address_tells() -> None:
    assert {record["provider"] for record in (*calls(run("pydantic-ai")), *run("pydantic-ai")["events"])} == {"groq"}


@marked("opentelemetry-instrumentation-langchain")
def test_a_framework_that_keeps_its_span_to_itself_gets_no_second_span_and_we_meter() -> None:
    found = run("langchain")
    assert OURS not in {span["scope"] for span in found["spans"]}
    assert len(found["events"]) == found["requests"] == 2
    assert sum(event["cost"] for event in found["events"]) == pytest.approx(found["billed"])
    assert {event["department"] for event in found["events"]} == {"research"}
    assert found["said"].count("asks that the calls inside its own spans") == 1


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=needs(n)) for n in ("langfuse", "langsmith", "lmnr", "logfire")]
)
def test_a_tool_whose_spans_go_elsewhere_leaves_every_call_to_us(name: str) -> None:
    found = run(name)
    assert len(calls(found)) == len(found["events"]) == found["requests"] == 3
    assert {span["scope"] for span in calls(found)} == {OURS}
    assert sum(span["cost"] for span in calls(found)) == pytest.approx(found["billed"])


@marked("logfire")
def test_a_tool_whose_tracer_provider_is_ours_keeps_its_calls_and_it_is_said() -> None:
    found = run("logfire, first", "before")
    assert {span["scope"] for span in calls(found)} == {"logfire.openai"}
    assert found["events"] == [] and found["billed"] == 0
    assert found["said"].count("openai is already instrumented by logfire") == 1


@pytest.mark.parametrize("order", ["before", "after"])
@marked("azure-ai-projects")
def test_one_call_has_one_span_beside_azure(order: str) -> None:
    found = run("azure-ai-projects", order)
    assert len(calls(found)) == found["requests"] == 3
    (theirs,) = (span for span in calls(found) if span["scope"] != OURS)
    # A plain function around the SDK's method lets nothing in below it: what came first keeps its call.
    assert (theirs["cost"] is None) == (order == "before")
    assert sum(span["cost"] or 0 for span in calls(found)) == pytest.approx(found["billed"])
