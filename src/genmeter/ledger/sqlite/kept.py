"""What is kept of a span for the tree of its trace: never a message, a prompt, an answer, a header or a key.

Nothing is known of the attributes of other programs but their names, and any of them may hold what a person has said.
So an attribute is kept where its name or the kind of its value says that it cannot: numbers and switches under any
name; texts under the names listed here; and under a name that is one plain word, a text that is one short word. A list
of what must not be kept would be behind the next program.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from genmeter import names
from genmeter.ledger.decode import Attributes, Span, Value
from genmeter.reading import conventions

COLUMNS: Final = (
    *(
        "trace_id",
        "span_id",
        "parent_span_id",
        "name",
        "kind",
        "started_ns",
        "ended_ns",
        "failed",
        "message",
        "service",
    ),
    *("scope", "attributes", "shape"),
)
_compact = json.JSONEncoder(separators=(",", ":")).encode
_MOST_ATTRIBUTES, _LONGEST, _LONGEST_WORD = 64, 500, 64

_TEXTS: Final = (
    frozenset(
        {
            *(value for key, value in vars(names).items() if key.isupper() and isinstance(value, str) and "." in value),
            *(name for field, found in conventions.bundled().fields.items() if field != "base_url" for name in found),
            *conventions.bundled().naming,
        }
    )
    - {names.SYSTEM_INSTRUCTIONS, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS}
    - {names.EXCEPTION_MESSAGE, names.EXCEPTION_STACKTRACE, names.REQUEST_STOP_SEQUENCES}
)
"""Attributes whose text names something: a model, an operation, a route, an id; never what was said."""
_LISTS: Final = frozenset({names.FINISH_REASONS, names.REQUEST_ENCODING_FORMATS})
"""Attributes whose list is kept: of words that name something."""
_OURS: Final = names.SCOPE + "."
_WORD_NAME = re.compile(r"[a-z]{1,32}")
_WORD = re.compile(r"[\w.:/@+-]{1,64}", re.ASCII)
_KIND = re.compile(r"[A-Za-z_][\w.]{2,80}", re.ASCII)
_SAYING: Final = frozenset(
    {
        *("answer", "arguments", "args", "authorization", "body", "chat", "completion", "content", "context", "cookie"),
        *("data", "description", "document", "documents", "error", "header", "headers", "history", "input", "inputs"),
        *("instructions", "key", "kwargs", "message", "messages", "output", "outputs", "params", "password", "payload"),
        *("prompt", "prompts", "query", "question", "reply", "request", "response", "result", "results", "secret"),
        *("system", "text", "token", "transcript", "url", "user", "value", "values"),
    }
)
"""Plain words under which a text is what was said, or a secret."""


def row(span: Span, shape: Callable[[tuple[str, ...]], int | None]) -> tuple[str | int | None, ...]:
    """The values of ``COLUMNS``. ``shape`` gives the number of a list of names, None for a list that has none."""
    kept = _attributes(span.attributes)
    number = shape(tuple(kept))
    service = span.resource.get(names.SERVICE_NAME)
    return (
        *(span.trace_id, span.span_id, span.parent_span_id, _name(span), span.kind),
        *(span.started_ns, span.ended_ns, int(span.failed), _told(span)),
        service[:_LONGEST] if isinstance(service, str) else None,
        span.scope[:_LONGEST],
        _compact(kept if number is None else list(kept.values())),
        number,
    )


def _name(span: Span) -> str:
    return conventions.bundled().talkers.span_name(span.name, span.scope, span.attributes)[:_LONGEST]


def _told(span: Span) -> str:
    """The status message. Another program's may hold what was said; of that one the kind of the error is kept."""
    if span.scope == names.SCOPE:
        return span.message[:_LONGEST]
    kind = span.message.partition(":")[0].strip()
    return kind if _KIND.fullmatch(kind) else ""


def _attributes(own: Attributes) -> Attributes:
    kept: Attributes = {}
    for name, value in own.items():
        # most attributes are texts and integers: one call for each of them, this runs for every span
        if isinstance(value, str):
            if _may_hold_text(name) or (len(value) <= _LONGEST_WORD and _is_word_under_word(name, value)):
                kept[name[:_LONGEST]] = value[:_LONGEST]
        elif isinstance(value, (list, dict)):
            if name in _LISTS:
                kept[name] = _bounded(value)
        else:
            kept[name[:_LONGEST]] = str(value) if isinstance(value, float) and not math.isfinite(value) else value
        if len(kept) == _MOST_ATTRIBUTES:
            break
    return kept


@lru_cache(maxsize=4096)
def _may_hold_text(name: str) -> bool:
    return name in _TEXTS or name.startswith(_OURS)


def _is_word_under_word(name: str, value: str) -> bool:
    return bool(_WORD_NAME.fullmatch(name)) and name not in _SAYING and bool(_WORD.fullmatch(value))


def _bounded(value: Value) -> Value:
    text = json.dumps(value)
    return value if len(text) <= _LONGEST and "NaN" not in text and "Infinity" not in text else text[:_LONGEST]
