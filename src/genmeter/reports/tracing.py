"""Single calls: the newest ones, and the tree of spans around one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC

from genmeter import names
from genmeter.ledger import Call, Ledger
from genmeter.ledger.decode import Attributes, Span
from genmeter.reports.window import Moment, window


@dataclass(slots=True)
class Node:
    """One span of a trace with what lies below it; ``call`` is what the ledger booked for it, if anything.

    A call whose span was sampled out stands here from its event alone, with ``attributes`` empty.
    """

    span_id: str
    parent_span_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    failed: bool
    message: str
    service: str | None
    attributes: Attributes
    call: Call | None = None
    children: list[Node] = field(default_factory=list["Node"])


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of one trace as a forest: whatever has no parent here is a root."""

    trace_id: str
    roots: list[Node]
    spans: int


def calls(
    ledger: Ledger,
    *,
    limit: int = 100,
    since: Moment | None = None,
    until: Moment | None = None,
    run: str | None = None,
) -> list[Call]:
    """The newest calls started in [``since``, ``until``), newest first. Raises ``StorageError``."""
    return ledger.store.latest(limit, window(since, until, run, UTC))


def trace(ledger: Ledger, trace_id: str) -> Trace | None:
    """The tree of a trace, None when nothing of it is known. Raises ``StorageError``."""
    wanted = trace_id.lower()
    nodes = {span.span_id: _of_span(span) for span in ledger.store.trace_spans(wanted)}
    for call in ledger.store.trace_calls(wanted):
        nodes.setdefault(call.span_id, _of_call(call)).call = call
    if not nodes:
        return None
    ordered = sorted(nodes.values(), key=lambda node: (node.started_ns, node.span_id))
    roots = [node for node in ordered if not _hang(node, nodes)]
    return Trace(wanted, roots, len(nodes))


def _hang(node: Node, nodes: dict[str, Node]) -> bool:
    parent = nodes.get(node.parent_span_id or "")
    # a sender's parent ids may form a ring; its members become roots instead of vanishing
    seen = {node.span_id}
    above = parent
    while above is not None and above.span_id not in seen:
        seen.add(above.span_id)
        above = nodes.get(above.parent_span_id or "")
    if parent is None or above is not None:
        return False
    parent.children.append(node)
    return True


def _of_span(span: Span) -> Node:
    service = span.resource.get(names.SERVICE_NAME)
    return Node(
        *(span.span_id, span.parent_span_id, span.name, span.started_ns, span.ended_ns, span.failed, span.message),
        service if isinstance(service, str) else None,
        span.attributes,
    )


def _of_call(call: Call) -> Node:
    name = call.span_name or " ".join(filter(None, (call.operation, call.request_model)))
    ended_ns = call.started_ns + (call.duration_ns or 0)
    known = (call.span_id, call.parent_span_id, name, call.started_ns, ended_ns, call.error_type is not None)
    return Node(*known, "", call.service, {})
