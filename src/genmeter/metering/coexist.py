"""Living beside others that look at the same call: one call must give one span and one bill.

Three kinds of neighbours. Packages on ``opentelemetry-util-genai`` leave their outer call's data under a context key
and keep quiet inside such a call: we honour their key and set it. Frameworks have a span around the call, or say by a
context key that they have one (both in ``outer``). All others patch the same methods. Where such a rival's span is
around our call, the rival's span gets our money. Where it is not, the rival keeps the call, and we yield.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from opentelemetry.context import Context, create_key, set_value
from opentelemetry.trace import INVALID_SPAN, Span

from .. import names

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


LAUNCHED = "set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={sdk}"


class Tool(NamedTuple):
    """Another tool that patches or wraps the SDKs, and what was read of it in its ``version`` (empty: nothing).

    ``prefix`` begins the name of the module in which its wrappers are written, ``scope`` the name of the
    instrumentation scope of its spans, where that is not the package of the wrapper. ``span`` says where its span is while
    the SDK runs: ``around`` it, as the current span; ``beside`` it, open or not yet made, but never the current span;
    ``inside`` it, deeper in the SDK. ``off`` says how to turn it off for one SDK. ``own``: its spans may go to a tracer
    provider of its own.
    """

    prefix: str
    package: str
    version: str
    patches: str
    span: str
    off: str = LAUNCHED
    scope: str = ""
    own: bool = False


RIVALS = (
    Tool("opentelemetry.instrumentation.", "opentelemetry-instrumentation-openai", "0.62.4",
         "create of chat, completions, embeddings; responses and images beside", "around"),
    Tool("opentelemetry.instrumentation.", "opentelemetry-instrumentation-anthropic", "0.62.4", "create, stream of messages", "beside"),
    Tool("openinference.", "openinference-instrumentation-openai", "0.1.66", "OpenAI.request", "inside"),
    Tool("openinference.", "openinference-instrumentation-anthropic", "3.1.0", "create, parse, stream of messages", "around"),
    Tool("openlit.", "openlit", "1.45.0", "the methods of resources; streams beside", "around",
         "call openlit.init(disabled_instrumentors=['{sdk}'])"),
    Tool("logfire.", "logfire", "5.4.0", "OpenAI.request, Anthropic.request", "inside", "leave logfire.instrument_{sdk}() out", own=True),
    Tool("lmnr.", "lmnr", "0.8.2", "the methods of resources", "beside",
         "name {sdk} in Laminar.initialize(disabled_instruments=...)", own=True),
    Tool("azure.ai.projects.", "azure-ai-projects", "2.10.0", "create of responses", "around",
         "leave AIProjectInstrumentor().instrument() out", "azure.core.tracing."),
    Tool("langtrace_python_sdk.", "langtrace-python-sdk", "3.8.21", "the methods of resources", "around",
         "name {sdk} in langtrace.init(disable_instrumentations=...)"),
    Tool("agentops.", "agentops", "0.4.21", "the methods of resources", "around", "call agentops.init(instrument_llm_calls=False)"),
    Tool("traceloop.", "traceloop-sdk", "", "what it brings: opentelemetry-instrumentation-*", "around",
         "name {sdk} in Traceloop.init(block_instruments=...)"),
)  # fmt: skip
"""Tools whose spans of a model call a ledger would book: one call of theirs and ours would be two bills."""
NO_RIVALS = (
    Tool("langfuse.", "langfuse", "5.0.4", "the methods of resources; its spans have names of their own for usage", "beside", own=True),
    Tool("langsmith.", "langsmith", "0.15.1", "the methods of one client; its runs are no spans by default", "beside", own=True),
    Tool("braintrust.", "braintrust", "0.48.1", "the methods of one client; its log is no trace by default", "beside", own=True),
)  # fmt: skip
"""Tools that wrap the same methods and write nothing that a ledger books: we meter the calls as if they were not there."""
_PREFIXES = tuple(tool.prefix for tool in RIVALS)
SHARING = "opentelemetry.instrumentation.genai."
"""The official packages: they wrap the same methods, but keep quiet inside our call and we inside theirs."""


ANNOUNCED = create_key("genmeter-announced")
"""Context key: the data that we ourselves have put under a shared key."""


def announce(context: Context, operation: str) -> Context:
    """``context`` with the mark that keeps official instrumentations quiet inside our call, when any is loaded."""
    module = sys.modules.get(UTIL_GENAI)
    key = SHARED_KEYS.get(operation)
    kind = getattr(module, key[1], None) if module is not None and key is not None else None
    if kind is None or key is None:
        return context
    data = kind()
    return set_value(ANNOUNCED, data, set_value(key[0], data, context))


def parent(around: Span) -> str:
    """The id of the span around a call, as hex; empty for a root."""
    if around is INVALID_SPAN:
        return ""
    span = around.get_span_context()
    return format(span.span_id, "016x") if span.is_valid else ""


class Rival:
    """Another instrumentor that wraps a method of ours. ``module`` is where its wrapper was written."""

    __slots__ = ("_scopes", "module", "package", "tool")

    def __init__(self, module: str) -> None:
        self.module = module
        self.package = ".".join(module.split(".")[:3])
        self.tool = next(tool for tool in RIVALS if module.startswith(tool.prefix))
        self._scopes = (f"{self.package}.", self.tool.scope or f"{self.package}.")

    def made(self, span: Any) -> bool:
        """Whether ``span`` is one of its own: then its wrapper lies around ours."""
        scope = getattr(span, "instrumentation_scope", None)
        return scope is not None and f"{scope.name}.".startswith(self._scopes)

    def apart(self, provider: Any) -> bool:
        """Whether its spans go another way than those of ``provider``, the tracer provider of ours."""
        if not self.tool.own:
            return False
        processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
        return not any(type(part).__module__.startswith(self.tool.prefix) for part in (provider, *processors))

    def yielded(self, sdk: str) -> None:
        """Say, once for each SDK and instrumentor, whose doing it is that a call is not metered, and how to change it."""
        if (sdk, self.package) in _said:
            return
        _said.add((sdk, self.package))
        logger.warning(
            "genmeter: %s is already instrumented by %s: genmeter leaves calls of it to that one, or each would be billed "
            "twice, and the collector (or genmeter dev) prices its spans. Such calls have no payer and count in no budget, "
            "and a stream has no usage unless the app asks for it. To have genmeter meter them, turn that one off: %s",
            sdk,
            self.package,
            self.tool.off.format(sdk=self._named(sdk)),
        )

    def _named(self, sdk: str) -> str:
        """What the instrumentor is called where it is turned off: a service's where it is none of an SDK's."""
        _, middle, name = (*self.package.split("."), "", "")[:3]
        return name if middle == "instrumentation" and name else sdk


_said: set[tuple[str, str]] = set()


def wrappers_of(method: Any) -> Iterator[Any]:
    """A method and the functions that it wraps, from the outermost to the SDK's own."""
    seen: Any = None
    while method is not None and method is not seen:
        yield method
        seen, method = method, getattr(method, "__wrapped__", None)


def rival_of(method: Any) -> Rival | None:
    """The known instrumentor that wraps ``method``, inside or outside our own wrapper; None if no known one does."""
    return next((Rival(_module(found)) for found in wrappers_of(method) if _is_rivals(found)), None)


def is_ours(function: Any) -> bool:
    """Whether a function or wrapper was written in genmeter."""
    return _module(function).startswith("genmeter.")


def innermost(method: Any) -> Any:
    """The innermost wrapper of a known instrumentor around ``method``; None without one, and where it is a plain function.

    A plain function lets nothing in between itself and what it calls.
    """
    found = [one for one in wrappers_of(method) if _is_rivals(one)]
    return found[-1] if found and hasattr(found[-1], "_self_wrapper") else None


def _is_rivals(function: Any) -> bool:
    module = _module(function)
    return module.startswith(_PREFIXES) and not module.startswith(SHARING)


def _module(function: Any) -> str:
    """Where a function or a wrapper of ``wrapt`` was really written: both copy the wrapped one's ``__module__``."""
    function = getattr(function, "_self_wrapper", None) or function
    scope = getattr(function, "__globals__", None)
    if isinstance(scope, dict):
        return str(cast("dict[str, Any]", scope).get("__name__", ""))
    return str(getattr(function, "__module__", None) or type(function).__module__)


class Site:
    """One patched attribute: who else wraps it, looked up again only when the attribute has changed."""

    __slots__ = ("found", "holder", "name", "seen")

    def __init__(self, holder: Any, name: str) -> None:
        self.holder = holder
        self.name = name
        self.seen: Any = None
        self.found: Rival | None = None


def rival_at(own: Site, watched: Iterable[Site], above: Iterable[Site]) -> Rival | None:
    """The known instrumentor that has one of these attributes now: a method of ours, one deeper in the SDK, one above."""
    for site in (own, *watched, *above):
        now = site.holder.__dict__.get(site.name)
        if now is not site.seen:
            site.seen, site.found = now, rival_of(now)
        if site.found is not None:
            return site.found
    return None
