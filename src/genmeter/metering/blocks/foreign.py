"""Spans that a framework opens for its own agents, workflows and tools: which block a span is, by its attributes.

The list of spellings is closed. It holds what was seen of frameworks and their instrumentations: the conventions' names
(PydanticAI, Strands, Google ADK, Agent Framework, AutoGen, Semantic Kernel, the official packages), OpenInference's and
OpenLLMetry's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ... import names
from ...credentials import scrub
from ...texts import name_of


class _Spelling(NamedTuple):
    """The attribute whose value says the kind of block, its value, the kind in our words, and the attribute of the name."""

    attribute: str
    value: str
    kind: str
    name: str


_OPENINFERENCE, _OPENLLMETRY = "openinference.span.kind", "traceloop.span.kind"
SPELLINGS = (
    _Spelling(names.OPERATION, names.INVOKE_AGENT, names.INVOKE_AGENT, names.AGENT_NAME),
    _Spelling(names.OPERATION, names.INVOKE_WORKFLOW, names.INVOKE_WORKFLOW, names.WORKFLOW_NAME),
    _Spelling(names.OPERATION, names.EXECUTE_TOOL, names.EXECUTE_TOOL, names.TOOL_NAME),
    _Spelling(_OPENINFERENCE, "AGENT", names.INVOKE_AGENT, "agent.name"),
    _Spelling(_OPENINFERENCE, "TOOL", names.EXECUTE_TOOL, "tool.name"),
    _Spelling(_OPENLLMETRY, "agent", names.INVOKE_AGENT, "traceloop.entity.name"),
    _Spelling(_OPENLLMETRY, "workflow", names.INVOKE_WORKFLOW, "traceloop.entity.name"),
    _Spelling(_OPENLLMETRY, "tool", names.EXECUTE_TOOL, "traceloop.entity.name"),
)
_BY_WORD = {(one.attribute, one.value): one for one in SPELLINGS}
_WORDS = tuple(dict.fromkeys(one.attribute for one in SPELLINGS))


def block_of(attributes: Mapping[str, Any]) -> tuple[str, str] | None:
    """The kind and the name of the block that a span stands for; None for a span that is no block, or has no name.

    >>> block_of({"openinference.span.kind": "AGENT", "agent.name": "triage"})
    ('invoke_agent', 'triage')
    """
    for word in _WORDS:
        value = attributes.get(word)
        found = _BY_WORD.get((word, value)) if isinstance(value, str) else None
        if found is not None:
            name = attributes.get(found.name)
            short = name_of(name) if isinstance(name, str) else None
            if short is not None:
                return found.kind, scrub(short)
    return None
