"""Every attribute, metric, unit and event name that genmeter writes or reads; no other module spells a dotted name.

The names of counts and of the lines of a bill are here, too: they come from ``units.py``, which is written from the table
of billable units.

Names of the GenAI conventions follow the main branch of open-telemetry/semantic-conventions-genai as of October 2026
(everything there is in development). What the conventions lack lives under ``genmeter.``. ``tests/vectors/names.json``
holds the same list and a test compares the two.
"""

from typing import Final

from genmeter.units import *  # noqa: F403  # its __all__ is names

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
SCOPE: Final = "genmeter"

# Span attributes: the request
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE: Final = "gen_ai.request.previous_response.id"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_STREAM_CURSOR: Final = "gen_ai.request.stream_cursor"
EMBEDDINGS_DIMENSIONS: Final = "gen_ai.embeddings.dimension.count"
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_TIER: Final = "openai.request.service_tier"
GUARDRAIL_ID: Final = "aws.bedrock.guardrail.id"

# Span attributes: what came back
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_STATUS: Final = "gen_ai.response.status"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
OPENAI_RESPONSE_TIER: Final = "openai.response.service_tier"
OPENAI_FINGERPRINT: Final = "openai.response.system_fingerprint"

# Span attributes: those of usage stand in units.py, and so do the lines of a bill
USAGE_REPAIRED: Final = "genmeter.usage.repaired"
USAGE_BESIDE: Final = "genmeter.usage.beside.output_tokens"
USAGE_ASSUMED: Final = "genmeter.usage.assumed"

# What pricing needs and the conventions do not name
SERVICE_TIER: Final = "genmeter.response.service_tier"
REGION: Final = "genmeter.response.region"
BATCH: Final = "genmeter.response.batch"
STREAM_CUT: Final = "genmeter.stream.cut"
CALL_DURATION: Final = "genmeter.call.duration"
PARENT_SPAN: Final = "genmeter.call.parent_span_id"

# Money: the three attributes of the open proposal, and ours beside them
COST_AMOUNT: Final = "gen_ai.usage.cost.amount"
COST_CURRENCY: Final = "gen_ai.usage.cost.currency"
COST_SOURCE: Final = "gen_ai.usage.cost.source"
COST_TOTAL: Final = "genmeter.cost.total"
COST_STATUS: Final = "genmeter.cost.status"
COST_REASON: Final = "genmeter.cost.reason"
COST_DETAIL: Final = "genmeter.cost.detail"
COST_CATALOGUE: Final = "genmeter.cost.catalogue"
COST_ENTRY: Final = "genmeter.cost.entry"
COST_COMPARED: Final = "genmeter.cost.compared"
BILLED_BY: Final = "genmeter.billed_by"
"""On a record that is no bill: the id (16 hexadecimal digits) of the span in the same trace that bills the call.

Where it is no span that bills, it is a word that says why the record is no bill: ``skip_scopes``; or ``genmeter``, which
bills the call inside this span, in a record whose id is not known before the end of the call. On a record that is a bill,
the word ``genmeter`` says that genmeter in the application has measured the call and written the bill there.
"""
COST_STATUSES: Final = ("priced", "partial", "unpriced", "elsewhere")
"""``elsewhere``: the record is no bill, because it stands for a call that another record bills (``BILLED_BY`` says
which). Ledger, collector and metrics count neither the call nor its tokens nor its money, also where the record has
them. An instrumentation that finds itself inside the span of another one, for the same call, writes both attributes
on that span."""
ELSEWHERE: Final = COST_STATUSES[3]
COST_SOURCES: Final = ("provider", "local", "collector", "emitter")
"""Who worked the amount out: the response carried it, genmeter in the app, the collector, another instrumentation."""
UNPRICED_REASONS: Final = (
    "unknown_provider",
    "unknown_model",
    "no_usage",
    "invalid_usage",
    "unpriced_dimension",
    "unknown_service_tier",
    "no_price_for_date",
)

# Who pays
USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"
DEPARTMENT: Final = "genmeter.department"
APPLICATION: Final = "genmeter.application"
UNATTRIBUTED: Final = "genmeter.unattributed"
ENVIRONMENT: Final = "deployment.environment.name"
SERVICE_NAME: Final = "service.name"
REPOSITORY: Final = "vcs.repository.name"
"""The repository that a coding agent works in: its calls have no other application."""
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_INSTANCE: Final = "service.instance.id"

# Agents, workflows and tools: who makes a call
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_VERSION: Final = "gen_ai.agent.version"
AGENT_PATH: Final = "genmeter.agent.path"
"""The agents around a call from the outermost to the nearest, with ``/`` between them; a ``/`` in a name is ``%2F``."""
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
ROLLUP_COST: Final = "genmeter.rollup.cost"
ROLLUP_CALLS: Final = "genmeter.rollup.calls"
ROLLUP_UNPRICED: Final = "genmeter.rollup.unpriced"
ROLLUP_INPUT: Final = "genmeter.rollup.input_tokens"
ROLLUP_OUTPUT: Final = "genmeter.rollup.output_tokens"

# Message content, off by default
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

# Events (OTLP log records)
EVENT_DETAILS: Final = "gen_ai.client.inference.operation.details"
EVENT_EXCEPTION: Final = "gen_ai.client.operation.exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# Metrics of the conventions
TOKEN_MODALITY: Final = "gen_ai.token.modality"
TOKEN_TYPE: Final = "gen_ai.token.type"
INFERENCE_DURATION: Final = "gen_ai.client.inference.duration"
INFERENCE_FIRST_CHUNK: Final = "gen_ai.client.inference.time_to_first_chunk"
INFERENCE_CHUNK_GAP: Final = "gen_ai.client.inference.time_per_output_chunk"
INFERENCE_INPUT: Final = "gen_ai.client.inference.usage.input_tokens"
INFERENCE_OUTPUT: Final = "gen_ai.client.inference.usage.output_tokens"
INFERENCE_CACHE_READ: Final = "gen_ai.client.inference.usage.cache_read.input_tokens"
INFERENCE_CACHE_WRITE: Final = "gen_ai.client.inference.usage.cache_write.input_tokens"
INFERENCE_REASONING: Final = "gen_ai.client.inference.usage.reasoning.output_tokens"
INFERENCE_OPERATION_INPUT: Final = "gen_ai.client.inference.operation.input_tokens"
INFERENCE_OPERATION_OUTPUT: Final = "gen_ai.client.inference.operation.output_tokens"
EMBEDDINGS_DURATION: Final = "gen_ai.client.embeddings.duration"
EMBEDDINGS_INPUT: Final = "gen_ai.client.embeddings.operation.input_tokens"
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
LEGACY_TOKEN_USAGE: Final = "gen_ai.client.token.usage"
LEGACY_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
LEGACY_CHUNK_GAP: Final = "gen_ai.client.operation.time_per_output_chunk"

WORKFLOW_DURATION: Final = "gen_ai.invoke_workflow.duration"
AGENT_DURATION: Final = "gen_ai.invoke_agent.duration"
AGENT_CALLS: Final = "gen_ai.invoke_agent.inference_calls"
AGENT_TOOL_CALLS: Final = "gen_ai.invoke_agent.tool_calls"
TOOL_DURATION: Final = "gen_ai.execute_tool.duration"

# Metrics of ours
COST_USD: Final = "genmeter.cost.usd"
CALLS_UNPRICED: Final = "genmeter.calls.unpriced"
CALLS_ACTIVE: Final = "genmeter.calls.active"
TOKENS_UNACCOUNTED: Final = "genmeter.tokens.unaccounted"
PRICES_AGE: Final = "genmeter.prices.age"
INTERNAL_FAILURES: Final = "genmeter.internal.failures"
BUDGET_LIMIT: Final = "genmeter.budget.limit"
BUDGET_SPENT: Final = "genmeter.budget.spent"
BUDGET_PROJECTED: Final = "genmeter.budget.projected"
BUDGET_PERIOD_END: Final = "genmeter.budget.period.end"
BUDGET_THRESHOLD: Final = "genmeter.budget.threshold"
BUDGET_UNBUDGETED: Final = "genmeter.budget.unbudgeted"
FAILURE_SITE: Final = "genmeter.failure.site"
USAGE_EMITTER: Final = "genmeter.usage.emitter"
USAGE_FIELD: Final = "genmeter.usage.field"

UNITS: Final = {
    INFERENCE_DURATION: "s",
    INFERENCE_FIRST_CHUNK: "s",
    INFERENCE_CHUNK_GAP: "s",
    INFERENCE_INPUT: "{token}",
    INFERENCE_OUTPUT: "{token}",
    INFERENCE_CACHE_READ: "{token}",
    INFERENCE_CACHE_WRITE: "{token}",
    INFERENCE_REASONING: "{token}",
    INFERENCE_OPERATION_INPUT: "{token}",
    INFERENCE_OPERATION_OUTPUT: "{token}",
    EMBEDDINGS_DURATION: "s",
    EMBEDDINGS_INPUT: "{token}",
    OPERATION_DURATION: "s",
    LEGACY_TOKEN_USAGE: "{token}",
    LEGACY_FIRST_CHUNK: "s",
    LEGACY_CHUNK_GAP: "s",
    WORKFLOW_DURATION: "s",
    AGENT_DURATION: "s",
    AGENT_CALLS: "{inference_call}",
    AGENT_TOOL_CALLS: "{tool_call}",
    TOOL_DURATION: "s",
    COST_USD: "{USD}",
    CALLS_UNPRICED: "{call}",
    CALLS_ACTIVE: "{call}",
    TOKENS_UNACCOUNTED: "{token}",
    PRICES_AGE: "d",
    INTERNAL_FAILURES: "{failure}",
}
"""Metric → unit, every metric that genmeter emits inside an application."""

LEDGER_UNITS: Final = {
    BUDGET_LIMIT: "{USD}",
    BUDGET_SPENT: "{USD}",
    BUDGET_PROJECTED: "{USD}",
    BUDGET_PERIOD_END: "s",
    BUDGET_THRESHOLD: "{USD}",
    BUDGET_UNBUDGETED: "{USD}",
}
"""Metric → unit, of the gauges that the ledger serves at /metrics."""

SECONDS_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKEN_BUCKETS: Final = tuple(4**i for i in range(14))
AGENT_SECONDS_BUCKETS: Final = tuple(2**i / 10 for i in range(13))
WORKFLOW_SECONDS_BUCKETS: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
COUNT_BUCKETS: Final = tuple(2**i for i in range(8))

# Operations
CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
GENERATE_CONTENT: Final = "generate_content"
EMBEDDINGS: Final = "embeddings"
MODERATION: Final = "moderation"
FETCH_RESPONSE: Final = "fetch_response"
INVOKE_WORKFLOW: Final = "invoke_workflow"
INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
BILLED_OPERATIONS: Final = frozenset({CHAT, TEXT_COMPLETION, GENERATE_CONTENT, EMBEDDINGS})
"""Operations that carry tokens and cost; agent, workflow and tool spans repeat their children's totals."""
CALLS: Final = BILLED_OPERATIONS | {MODERATION}
"""Operations that are calls to a model; a moderation is free. This list is closed: no other operation is a call."""
