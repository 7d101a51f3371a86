"""Living beside others that look at the same call: one call must give one span and one bill.

Three kinds of neighbours. Packages on ``opentelemetry-util-genai`` leave their outer call's data under a context key
and keep quiet inside such a call: we honour their key and set it. Frameworks suppress by a context key (``context``).
All others patch the same methods: an instrumentor that is known to emit OpenTelemetry GenAI spans keeps the SDK, and we yield.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

from opentelemetry.context import Context, create_key, set_value
from opentelemetry.trace import get_current_span

from .. import names
from ..model import AttributeValue, Cost, Invocation, Unpriced

logger = logging.getLogger("genmeter")

UTIL_GENAI = "opentelemetry.util.genai.invocation"
INFERENCE_KEY = ("opentelemetry.genai.client.inference.context", "InferenceData")
SHARED_KEYS = {
    names.CHAT: INFERENCE_KEY,
    names.TEXT_COMPLETION: INFERENCE_KEY,
    names.GENERATE_CONTENT: INFERENCE_KEY,
    names.EMBEDDINGS: ("opentelemetry.genai.client.embedding.context", "EmbeddingData"),
    names.FETCH_RESPONSE: ("opentelemetry.genai.client.fetch_response.context", "FetchResponseData"),
}
"""Operation → the context key of util-genai and the class of its value (opentelemetry-util-genai 1.3b0)."""

RIVALS = (
    "opentelemetry.instrumentation.",
    "openinference.",
    "openlit.",
    "logfire.",
    "langtrace_python_sdk.",
    "agentops.",
    "traceloop.",
)
SHARING = "opentelemetry.instrumentation.genai."
"""The official packages: they wrap the same methods, but keep quiet inside our call and we inside theirs."""


ANNOUNCED = create_key("genmeter-announced")
CHARGED = "genmeter_charged"
PUBLISHED = frozenset(
    {
        *(names.USER_ID, names.DEPARTMENT, names.APPLICATION, names.SESSION_ID, names.UNATTRIBUTED),
        *(names.COST_AMOUNT, names.COST_CURRENCY, names.COST_SOURCE, names.COST_TOTAL, *names.COST_LINES.values()),
        *(names.COST_STATUS, names.COST_REASON, names.COST_DETAIL, names.COST_CATALOGUE, names.COST_ENTRY),
    }
)
"""What an official instrumentation's span lacks: who pays, and how much."""
TOKENS = {
    "input": "usage_input_tokens",
    "output": "usage_output_tokens",
    "cache_read": "usage_cache_read_input_tokens",
    "cache_write": "usage_cache_write_input_tokens",
    "reasoning": "usage_reasoning_output_tokens",
}
"""Field of Usage → the official data's field for it."""


def outer(context: Context, operation: str) -> Any:
    """The data of an official instrumentation's call that this one lies within, or None."""
    key = SHARED_KEYS.get(operation)
    data: Any = context.get(key[0]) if key is not None else None
    return None if data is context.get(ANNOUNCED) else data


def together(data: Any, cost: Cost | Unpriced | None) -> Cost | Unpriced | None:
    """What the outer call has cost with this one: it may make several (retries, a framework's agent)."""
    charged: list[Cost] = cast("dict[str, Any]", vars(data)).setdefault(CHARGED, [])
    if isinstance(cost, Cost):
        charged.append(cost)
    if not charged or (len(charged) == 1 and cost is charged[0]):
        return cost
    lines: dict[str, int] = {}
    for kind, pico in (line for each in charged for line in each.lines):
        lines[kind] = lines.get(kind, 0) + pico
    partial = isinstance(cost, Unpriced) or any(each.partial for each in charged)
    return charged[-1]._replace(total=sum(each.total for each in charged), lines=tuple(lines.items()), partial=partial)


def publish(data: Any, context: Context, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
    """Hand who pays, the cost and the tokens to the outer call: its span carries what it does not know itself."""
    found = {name: value for name, value in attributes.items() if name in PUBLISHED}
    for name in (names.COST_REASON, names.COST_DETAIL):
        data.attributes.pop(name, None)
    data.attributes.update(found)
    # Packages that replace their invocation's `attributes` lose what the data's were given (anthropic 1.3b0).
    span: Any = get_current_span(context)
    if span.is_recording() and getattr(span, "attributes", {}).get(names.OPERATION) == invocation.operation:
        span.set_attributes(found)
    for field, known in TOKENS.items():
        count = getattr(invocation.usage, field, None)
        # A zero part is not said by the official packages either.
        if count is not None and (count or field in ("input", "output")) and hasattr(data, known):
            setattr(data, known, count)


def announce(context: Context, operation: str) -> Context:
    """``context`` with the mark that keeps official instrumentations quiet inside our call, when any is loaded."""
    module = sys.modules.get(UTIL_GENAI)
    key = SHARED_KEYS.get(operation)
    kind = getattr(module, key[1], None) if module is not None and key is not None else None
    if kind is None or key is None:
        return context
    data = kind()
    return set_value(ANNOUNCED, data, set_value(key[0], data, context))


def parent(context: Context) -> str:
    """The id of the span that is current in ``context``, as hex; empty for a root."""
    span = get_current_span(context).get_span_context()
    return format(span.span_id, "016x") if span.is_valid else ""


def rival_of(method: Any) -> str | None:
    """The known instrumentor that wraps ``method``, inside or outside our own wrapper; None if no known one does."""
    while method is not None:
        wrapper = getattr(method, "_self_wrapper", None)
        module = _module(wrapper if wrapper is not None else method)
        if module.startswith(RIVALS) and not module.startswith(SHARING):
            return module
        inner = getattr(method, "__wrapped__", None)
        if inner is method:
            return None
        method = inner
    return None


def _module(function: Any) -> str:
    """Where a function was really written: ``functools.wraps`` copies the wrapped one's ``__module__``."""
    scope = getattr(function, "__globals__", None)
    if isinstance(scope, dict):
        return str(cast("dict[str, Any]", scope).get("__name__", ""))
    return str(getattr(function, "__module__", None) or type(function).__module__)


class Site:
    """One patched attribute: who else wraps it, looked up again only when the attribute has changed."""

    __slots__ = ("_found", "_seen", "holder", "name")

    def __init__(self, holder: Any, name: str) -> None:
        self.holder = holder
        self.name = name
        self._seen: Any = None
        self._found: str | None = None

    def rival(self) -> str | None:
        """The known instrumentor that has this attribute now."""
        now = self.holder.__dict__.get(self.name)
        if now is not self._seen:
            self._seen, self._found = now, rival_of(now)
            if self._found is not None:
                say_yield(self.holder, self._found)
        return self._found


_said: set[tuple[str, str]] = set()


def say_yield(holder: Any, rival: str) -> None:
    """One line for each SDK and instrumentor that we yield to."""
    sdk = str(getattr(holder, "__module__", holder)).partition(".")[0]
    package = ".".join(rival.split(".")[:3])
    if (sdk, package) not in _said:
        _said.add((sdk, package))
        logger.warning(
            "genmeter: %s is already instrumented by %s: genmeter leaves its calls to it, or each would be billed "
            "twice, and the collector (or genmeter dev) prices its spans; to have genmeter meter them, turn that one "
            "off: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=%s",
            sdk,
            package,
            sdk,
        )
