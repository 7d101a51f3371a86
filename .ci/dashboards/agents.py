"""Agents and tools: what single runs cost, and how their calls end.

No metric knows a trace or a session: there are too many of them. Loki has an event for each call, independent of
the sampler; and Jaeger has the trees that the sampler kept.
"""

from __future__ import annotations

from board import Board, Row
from panels import COUNT, SECONDS, SHARE, USD, Column, levels, lines, log_lines, stat, table, to_trace, traces
from queries import grouped
from targets import Search, ask_loki
from variables import APPLICATION, DEPARTMENT, JAEGER, LOKI, PROMETHEUS, single, stream, words

STREAM = '{service_name=~"$service"}'
WHO = 'genmeter_department=~"$department" | genmeter_application=~"$application"'
CALL = f'{STREAM} | event_name="gen_ai.client.inference.operation.details" | {WHO}'
TOOL = f'{CALL} | gen_ai_response_finish_reasons=~".*tool.*"'
COST = 'unwrap gen_ai_usage_cost_amount | __error__=""'
TIME = 'unwrap genmeter_call_duration | __error__=""'
TRACE = {"trace_id": "Trace"}
SESSION = {"session_id": "Session", "genmeter_application": "Application"}
IN_A_SESSION = f"{CALL} | session_id!=``"
AGENT_EVENTS = r"(claude_code\.)?api_request|gemini_cli\.api_response|codex\.sse_event"
BY_AGENT = f"{STREAM} | event_name=~`{AGENT_EVENTS}` | {COST}"
LINE = (
    " | line_format `{{.genmeter_application}}  {{.gen_ai_request_model}}  {{.gen_ai_response_finish_reasons}}"
    "  {{.gen_ai_usage_input_tokens}} in  {{.gen_ai_usage_output_tokens}} out  {{.gen_ai_usage_cost_amount}} USD`"
)
FAILURE = " | line_format `{{.genmeter_application}}  {{.exception_type}}: {{.exception_message}}`"
"""The line of an event is empty unless messages are captured: what is looked for is in its attributes."""


def count(events: str, by: str = "", window: str = "$__range") -> str:
    """Events in a window."""
    return f"sum{grouped(by)} (count_over_time({events} [{window}]))"


def total(events: str, field: str, by: str = "", window: str = "$__range") -> str:
    """The sum of a field of the events in a window."""
    return f"sum{grouped(by)} (sum_over_time({events} | {field} [{window}]))"


def by_agent(by: str) -> str:
    """What the coding agents cost in this range, by labels."""
    return f"sum by ({by}) (sum_over_time({BY_AGENT} [$__range]))"


GLANCE = Row(
    "At a glance",
    (
        stat(
            "Calls",
            "How many calls have told Loki of themselves in this range?",
            "The ledger's count is the exact one; these are the ones that can be looked up here.",
            ask_loki(count(CALL)),
            COUNT,
            width=4,
        ),
        stat(
            "Asked for a tool",
            "How many calls ended with the model asking for a tool?",
            "Each is a turn of an agent.",
            ask_loki(count(TOOL)),
            COUNT,
            width=4,
        ),
        stat(
            "Tool turns",
            "Which share of the calls ended with the model asking for a tool?",
            "Near 100 % it never comes to an answer.",
            ask_loki(f"{count(TOOL)} / {count(CALL)}"),
            SHARE,
            width=4,
        ),
        stat(
            "Cost of tool turns",
            "What did the turns cost that only asked for a tool?",
            "From the events; the rest went into answers.",
            ask_loki(total(TOOL, COST)),
            USD,
            width=4,
        ),
        stat(
            "Cut short",
            "How many answers were broken off?",
            "Streams that the application closed or that ended in an error; what they cost is a lower bound.",
            ask_loki(f"{count(CALL + ' | genmeter_stream_cut!=``')} or vector(0)"),
            COUNT,
            width=4,
        ),
        stat(
            "Ran out of room",
            "How many answers hit the limit of their length?",
            "Finish reason length: a tool call that is cut off there is lost.",
            ask_loki(f"{count(CALL + ' | gen_ai_response_finish_reasons=~`.*length.*`')} or vector(0)"),
            COUNT,
            width=4,
        ),
    ),
)

ENDS = Row(
    "How calls end",
    (
        lines(
            "Finish reasons",
            "How do calls end?",
            "Calls by what the model gave as its reason to stop: tool_call asks for a tool, stop is an answer.",
            ask_loki(count(CALL, "gen_ai_response_finish_reasons", "$__auto"), "{{gen_ai_response_finish_reasons}}"),
            unit=COUNT,
            stacked=True,
            bars=True,
        ),
        lines(
            "Tool turns by application",
            "Which applications work with tools, and how much?",
            "Calls that ended with a tool being asked for.",
            ask_loki(count(TOOL, "genmeter_application", "$__auto"), "{{genmeter_application}}"),
            unit=COUNT,
            stacked=True,
            bars=True,
        ),
        lines(
            "Cost of tool turns by model",
            "On which models is money spent to decide on tools?",
            "Cost of the calls that asked for one; a smaller model may decide as well.",
            ask_loki(total(TOOL, COST, "gen_ai_request_model", "$__auto"), "{{gen_ai_request_model}}"),
            unit=USD,
            stacked=True,
            bars=True,
        ),
        levels(
            "Errors",
            "What do applications run into?",
            "Calls that failed, by error type.",
            ask_loki(f"topk(10, {count(CALL + ' | error_type!=``', 'error_type')})", "{{error_type}}"),
            COUNT,
            width=12,
        ),
    ),
)

RUNS = Row(
    "Single runs: a trace is one run of an agent, a session many",
    (
        table(
            "Traces with most calls",
            "Which runs went round and round?",
            "The ten traces with most calls to models; an id leads to its trace.",
            TRACE,
            Column("Calls", ask_loki(f"topk(10, {count(CALL, 'trace_id')})"), COUNT),
            width=8,
            link=to_trace(),
        ),
        table(
            "Dearest traces",
            "Which runs cost most?",
            "The ten dearest traces in this range; an id leads to its trace.",
            TRACE,
            Column("Cost", ask_loki(f"topk(10, {total(CALL, COST, 'trace_id')})"), USD),
            width=8,
            link=to_trace(),
        ),
        table(
            "Longest in models",
            "Which runs waited longest for models?",
            "Durations of all calls of a trace, added up; calls side by side count twice.",
            TRACE,
            Column("Waited", ask_loki(f"topk(10, {total(CALL, TIME, 'trace_id')})"), SECONDS),
            width=8,
            link=to_trace(),
        ),
        table(
            "Dearest sessions",
            "Which sessions cost most?",
            "The ten dearest sessions that applications name with genmeter.attribution.",
            SESSION,
            Column("Cost", ask_loki(f"topk(10, {total(IN_A_SESSION, COST, ', '.join(SESSION))})"), USD),
        ),
        table(
            "Longest sessions",
            "Which sessions have most turns?",
            "The ten sessions with most calls; their prompts grow with every turn.",
            SESSION,
            Column("Calls", ask_loki(f"topk(10, {count(IN_A_SESSION, ', '.join(SESSION))})"), COUNT),
        ),
    ),
)

CODING = Row(
    "Coding agents: Claude Code, Codex, Gemini CLI",
    (
        levels(
            "Spend by agent",
            "What do coding agents cost?",
            "Claude Code says the amount itself; for the others the collector priced their counts by the list.",
            ask_loki(by_agent("service_name"), "{{service_name}}"),
            USD,
            width=6,
        ),
        table(
            "By repository",
            "On which repositories do they spend?",
            "Named by OTEL_RESOURCE_ATTRIBUTES=vcs.repository.name=… in the environment of an agent.",
            {"vcs_repository_name": "Repository", "service_name": "Agent"},
            Column("Cost", ask_loki(f"topk(10, {by_agent('vcs_repository_name, service_name')})"), USD),
            width=9,
        ),
        table(
            "By model",
            "Which models do they use?",
            "Spend by user stands in the ledger alone: genmeter coding.",
            {"gen_ai_request_model": "Model", "service_name": "Agent"},
            Column("Cost", ask_loki(f"topk(10, {by_agent('gen_ai_request_model, service_name')})"), USD),
            width=9,
        ),
    ),
)

LOOK = Row(
    "Look at them",
    (
        log_lines(
            "Turns that asked for a tool",
            "Which calls asked for tools just now?",
            "An opened line has all attributes of the call and the way to its trace.",
            ask_loki(TOOL + LINE),
        ),
        log_lines(
            "Exceptions",
            "What did the applications get to see?",
            "The exceptions of failed calls, with the way to their traces.",
            ask_loki(f'{STREAM} | event_name="gen_ai.client.operation.exception" | {WHO}{FAILURE}'),
        ),
        traces(
            "Traces",
            "What do the runs look like as a tree?",
            "Traces of one service with a span of one operation; those of agents and tools come from its framework, if any.",
            Search("$traced", "gen_ai.operation.name=$operation"),
        ),
    ),
)

BOARD = Board(
    "agents",
    "Agents and tools",
    "What do single runs cost, and how do their calls end?",
    (
        PROMETHEUS,
        LOKI,
        JAEGER,
        stream("service", "Service", "service_name"),
        DEPARTMENT,
        APPLICATION,
        single(stream("traced", "Traces of", "service_name")),
        words("operation", "with", "chat", "invoke_agent", "invoke_workflow", "execute_tool", "embeddings"),
    ),
    (GLANCE, ENDS, RUNS, CODING, LOOK),
    since="now-6h",
    refresh="5m",
)
