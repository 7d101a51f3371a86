"""Another instrumentation's span around a call of ours: one model call, two observers, one bill.

Frameworks, tracers and the official instrumentations open a span for a model call and call the SDK inside it. Such a
span is the outer call. It keeps its span, and it gets our money:

- The first bill that comes while the outer span is open is written on that span. We start no span, and our event has
  the ids of the outer span, so that the ledger books the two as one call.
- Every other call inside the outer span (a retry, a fallback, a stream that ends after the outer span) has a span and
  an event of its own.
- A failed call that used nothing leaves the outer span free for the next one. The outer span tells of the failure.
- A stream may end after its outer span. So the outer span has the status ``elsewhere`` from the start of the stream
  until the bill is written on it: without a bill, the outer span is not one.

Another instrumentation's span is an outer call only if it says so when our call starts: by the operation in the words
of any known convention, and by the same model or none. A second bill is shown and can be put right; a bill that was
merged with another is lost. So where the attributes leave a doubt, there is no outer call, and the ledger decides.
"""

from __future__ import annotations

import logging
import re
from enum import Enum
from typing import Any, cast

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from .. import names
from ..model import AttributeValue, Invocation
from ..reading import conventions
from .coexist import ANNOUNCED, SHARED_KEYS, Rival
from .telemetry import Telemetry

logger = logging.getLogger("genmeter")

HANDED_OVER = ("suppress_language_model_instrumentation",)
"""Context keys by which a framework's instrumentation says that it has the span of the model call (OpenLLMetry 0.62)."""
BILLED = frozenset({SHARED_KEYS[names.CHAT], SHARED_KEYS[names.EMBEDDINGS]})
"""The kinds of calls that are billed; a stored response that is fetched is none."""
TAKEN = "_genmeter_bill"
PAYER = frozenset({names.USER_ID, names.DEPARTMENT, names.APPLICATION, names.SESSION_ID, names.UNATTRIBUTED})
MAKER = frozenset({names.AGENT_NAME, names.WORKFLOW_NAME, names.AGENT_PATH, names.CONVERSATION_ID})
MONEY = frozenset(
    {
        *(names.COST_AMOUNT, names.COST_CURRENCY, names.COST_SOURCE, names.COST_TOTAL, *names.COST_LINES.values()),
        *(names.COST_STATUS, names.COST_REASON, names.COST_DETAIL, names.COST_CATALOGUE, names.COST_ENTRY),
    }
)
USAGE = frozenset(names.USAGE_TOKENS.values())
OFFICIAL_FIELDS = {
    "input": "usage_input_tokens",
    "output": "usage_output_tokens",
    "cache_read": "usage_cache_read_input_tokens",
    "cache_write": "usage_cache_write_input_tokens",
    "reasoning": "usage_reasoning_output_tokens",
}
"""Field of Usage → the field of an official instrumentation's data."""
_NOT_A_CALLER = (SpanKind.SERVER, SpanKind.CONSUMER, SpanKind.PRODUCER)
_DATED = re.compile(r"[-@:](?:\d{4}-\d{2}-\d{2}|\d{3,8}|latest|preview)")


class Place(Enum):
    """Where the record of a finished call goes."""

    OWN = "a span and an event of its own"
    OUTER = "the outer span, and an event with its ids"
    SPAN = "the outer span alone"


class Outer:
    """The outer call of one call of ours.

    ``span`` is the span that was current when our call started. ``data`` is what an official instrumentation
    (``opentelemetry-util-genai``) keeps of its call, None for any other. ``direct`` says whether ``span`` is the span of
    the outer call: a program may open a span of its own inside an official instrumentation's call.
    """

    __slots__ = ("_data", "_marked", "direct", "span")

    def __init__(self, span: Span, data: Any = None, *, direct: bool = True) -> None:
        self.span = span
        self._data = data
        self.direct = direct
        self._marked = False

    @property
    def official(self) -> bool:
        """Whether the outer instrumentation measures the call's duration and tokens by the conventions' names."""
        return self._data is not None

    @property
    def parent(self) -> str:
        """The id of the outer span's parent in hexadecimal digits; empty for a root, or where it is not known."""
        parent = getattr(self.span, "parent", None)
        return format(parent.span_id, "016x") if parent is not None else ""

    @property
    def sampled(self) -> bool:
        """Whether the outer span leaves the process, or has left it."""
        return self.span.get_span_context().trace_flags.sampled

    def begin(self) -> None:
        """The app is about to hold a stream, which may end after the outer span: the outer span is no bill as yet."""
        if self.span.is_recording() and not self._taken():
            self._marked = True
            self._write({names.COST_STATUS: names.ELSEWHERE, **self._mark()})

    def place(self, invocation: Invocation) -> Place:
        """Where the record of the finished call goes. Taking the outer span is done once, by the first that may."""
        if invocation.cost is None:
            return Place.SPAN if self.sampled and not self._marked else Place.OWN
        ended = self.sampled and not self.span.is_recording()
        if ended or not self._take():
            return Place.OWN
        # The ids of the outer span are not known where it is not the current one: no event can have them.
        return Place.OUTER if self.direct else Place.SPAN

    def publish(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
        """Write who pays, the money and the tokens on the outer span. ``attributes``: all that our span would have."""
        found = {name: value for name, value in attributes.items() if name in MONEY or name in USAGE}
        if invocation.cost is not None and invocation.seller.id is not None:
            found[names.PROVIDER] = invocation.seller.name
        found |= self._mark()
        known = attributes_of(self.span)
        payer = {name: value for name, value in attributes.items() if name in PAYER}
        found |= payer if self.official else {name: value for name, value in payer.items() if name not in known}
        found |= {name: value for name, value in attributes.items() if name in MAKER and name not in known}
        self._write(found)
        if self.official:
            self._fill(invocation)

    def _mark(self) -> dict[str, AttributeValue]:
        """The word by which a collector knows that our metrics have the call. They leave out what official ones have."""
        return {} if self.official else {names.BILLED_BY: names.SCOPE}

    def _fill(self, invocation: Invocation) -> None:
        """Give the official instrumentation the counts: its metrics are made of them."""
        for field, official in OFFICIAL_FIELDS.items():
            count = getattr(invocation.usage, field, None)
            # A zero part is not said by the official packages either.
            if count is not None and (count or field in ("input", "output")) and hasattr(self._data, official):
                setattr(self._data, official, count)

    def _write(self, attributes: dict[str, AttributeValue]) -> None:
        if self.official:
            self._data.attributes.update(attributes)
        # Packages that replace their invocation's `attributes` lose what the data's were given (anthropic 1.3b0).
        if self.direct and self.span.is_recording():
            self.span.set_attributes(attributes)

    def _holder(self) -> dict[str, Any]:
        return vars(self._data if self.official else self.span)

    def _taken(self) -> bool:
        return TAKEN in self._holder()

    def _take(self) -> bool:
        mine = object()
        return self._holder().setdefault(TAKEN, mine) is mine  # of two threads, one


class Outers:
    """Finds the outer call of a call. One for an instrumentation; made where files may be read."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._table = conventions.bundled()
        self._told = False

    def find(self, context: Context, span: Span, invocation: Invocation, rival: Rival | None = None) -> Outer | None:
        """The outer call of the call that is about to start, None where there is none or where it is in doubt.

        ``span`` is the current span of ``context``. ``rival`` wraps the very method: a span of its own is of this call, also
        where it calls the operation by another name (contrib's botocore calls embeddings a text completion).
        """
        key = SHARED_KEYS.get(invocation.operation)
        if key is None:
            return None
        data: Any = context.get(key[0])
        if data is not None and data is not context.get(ANNOUNCED):
            return Outer(span, data, direct=not span.is_recording() or self._operation(attributes_of(span)) == key)
        if span is INVALID_SPAN or not span.is_recording():
            return None
        made = rival is not None and rival.made(span)
        return Outer(span) if self._stands_for(span, invocation, made) else None

    def elsewhere(self, context: Context) -> bool:
        """Whether a framework says that it has the span of the call, although that is not the current span.

        The call has no span of ours then, and its event has ids of its own. A call without an event needs its span.
        """
        for key in HANDED_OVER:
            if context.get(key) and self._telemetry.settings.event:
                self._tell()
                return True
        return False

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "genmeter: another instrumentation asks that the calls inside its own spans get no further span (%s), so "
                "genmeter starts none. Payers, budgets, metrics and events hold for these calls. To have genmeter's spans "
                "instead, name that instrumentation in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
                HANDED_OVER[0],
            )

    def _stands_for(self, span: Any, invocation: Invocation, around: bool) -> bool:
        """Whether another instrumentation's open span is one of the model call that ``invocation`` is about to make.

        ``around``: the span was made around the method of this call.
        """
        attributes = attributes_of(span)
        theirs, ours = self._operation(attributes), SHARED_KEYS[invocation.operation]
        if theirs != ours and not (around and theirs in BILLED and ours in BILLED):
            return False
        scope = getattr(span, "instrumentation_scope", None)
        if scope is None or scope.name == names.SCOPE or getattr(span, "kind", None) in _NOT_A_CALLER:
            return False
        if not span.get_span_context().trace_flags.sampled or not self._telemetry.exports(span):
            return False
        models = [attributes[name] for name in self._table.fields["request_model"] if attributes.get(name)]
        return all(isinstance(model, str) and same_model(model, invocation.request.model) for model in models)

    def _operation(self, attributes: dict[str, Any]) -> tuple[str, str] | None:
        """The kind of model call that the attributes name, as a value of ``SHARED_KEYS``; all that name one agree."""
        said = [name for name in self._table.fields["operation"] if attributes.get(name)]
        found = {SHARED_KEYS.get(self._table.operation({name: attributes[name]}) or "") for name in said}
        return found.pop() if len(found) == 1 else None


def attributes_of(span: Any) -> dict[str, Any]:
    """A span's attributes as they are now; none for a span that keeps none."""
    found = getattr(span, "attributes", None)
    # Each look into the SDK's mapping costs a microsecond; it copies itself at once.
    copy = getattr(found, "copy", None)
    return cast("dict[str, Any]", copy() if copy is not None else dict(found or {}))


def same_model(theirs: str | None, ours: str | None) -> bool:
    """Whether two names mean one model: one may have the seller before it, or a date after it. None is any model.

    >>> same_model("openai/gpt-4o", "gpt-4o"), same_model("gpt-4o", "gpt-4o-2024-08-06"), same_model("gpt-4o", "gpt-4o-mini")
    (True, True, False)
    """
    if not theirs or not ours:
        return True
    short, long = sorted((theirs.lower().rpartition("/")[2], ours.lower().rpartition("/")[2]), key=len)
    if long.endswith((f":{short}", f".{short}")) or long == short:
        return True
    return long.startswith(short) and _DATED.fullmatch(long, len(short)) is not None
