"""One run of a block, as the OpenTelemetry context carries it: who makes the calls inside, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import create_key

from ... import names
from ...model import AttributeValue, Cost, Invocation, Maker, Unpriced
from ...texts import LONGEST
from ..payers.rules import RejectedCall, UncheckedCall
from .tally import Sums, Tally

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from .caps import Caps

FRAME = create_key("genmeter-block")
NO_MAKER = Maker()


class Frame:
    """One run. ``outer`` is the run around it.

    ``maker`` and ``carried`` are who makes the calls inside, as data and as attributes. ``span`` is its span: ``owned`` says
    that it is ours to end. ``token`` and ``begun`` belong to ``Block``.
    """

    __slots__ = (
        "begun",
        "block",
        "caps",
        "carried",
        "kind",
        "maker",
        "outer",
        "owned",
        "span",
        "started",
        "tally",
        "token",
    )

    def __init__(self, block: object, kind: str, maker: Maker, outer: Frame | None, caps: Caps | None) -> None:
        self.block, self.kind, self.outer, self.caps, self.maker = block, kind, outer, caps, maker
        same = outer is not None and outer.maker is maker
        self.carried: dict[str, AttributeValue] = outer.carried if outer is not None and same else attributes_of(maker)
        self.tally = Tally()
        self.span: Span | None = None
        self.owned = False
        self.token: Any = None
        self.begun, self.started = 0.0, 0

    def tool(self) -> None:
        """Count a tool that ran inside: for the nearest agent alone."""
        frame: Frame | None = self
        while frame is not None:
            frame.tally.add(_TOOL)
            frame = None if frame.kind == names.INVOKE_AGENT else frame.outer


_TOOL = tuple(Sums(tools=1))


def attributes_of(maker: Maker) -> dict[str, AttributeValue]:
    """Who makes a call, as attributes of the call."""
    return {name: value for name, value in zip(_NAMES, maker, strict=True) if value is not None}


_NAMES = (names.AGENT_NAME, names.WORKFLOW_NAME, names.AGENT_PATH, names.CONVERSATION_ID)


def inside(around: Maker, kind: str, name: str, conversation: str | None) -> Maker:
    """Who makes the calls inside a block of this kind, which itself runs inside ``around``.

    >>> inside(inside(NO_MAKER, "invoke_workflow", "refunds", None), "invoke_agent", "triage", None)
    Maker(agent='triage', workflow='refunds', path='triage', conversation=None)
    """
    agent, workflow, path, held = around
    if kind == names.INVOKE_AGENT and name:
        agent, path = name, _path(path, name)
    elif kind == names.INVOKE_WORKFLOW and name:
        workflow = workflow or name
    found = (agent, workflow, path, conversation or held)
    return around if found == around else Maker(*found)


def _path(path: str | None, name: str) -> str:
    step = name.replace("%", "%25").replace("/", "%2F") if "/" in name or "%" in name else name
    if path is None:
        return step[:LONGEST]
    longer = f"{path}/{step}"
    # An agent that calls itself without end must not make a new path for each turn.
    return longer if len(longer) <= LONGEST else path


def admit(invocation: Invocation, context: Context, attributes: dict[str, AttributeValue]) -> None:
    """Write who makes a call into the record and its attributes, and ask the limits of the blocks around it.

    Raises:
        RejectedCall: a limit that rejects is used up, or a fault of ours kept it from being asked.
    """
    frame = _name_maker(invocation, context, attributes)
    admitted: list[Caps] = []
    while frame is not None:
        caps = frame.caps
        if caps is not None and invocation.operation in names.CALLS:
            try:
                caps.admit()
            except RejectedCall:
                for one in admitted:
                    one.give_back()
                invocation.frame = None
                raise
            except Exception as error:
                if caps.rejects:
                    invocation.frame = None
                    raise UncheckedCall("the limits of a block", type(error).__name__) from None
                raise
            admitted.append(caps)
        frame = frame.outer


def owe(invocation: Invocation, context: Context, attributes: dict[str, AttributeValue]) -> None:
    """As ``admit``, for a call that has been made: it counts in each block around it, and no limit refuses it."""
    frame = _name_maker(invocation, context, attributes)
    while frame is not None:
        if frame.caps is not None and invocation.operation in names.CALLS:
            frame.caps.owe()
        frame = frame.outer


def _name_maker(invocation: Invocation, context: Context, attributes: dict[str, AttributeValue]) -> Frame | None:
    frame: Frame | None = context.get(FRAME)  # pyright: ignore[reportAssignmentType]
    if frame is not None:
        invocation.frame, invocation.maker = frame, frame.maker
        attributes.update(frame.carried)
    return frame


def book(invocation: Invocation) -> None:
    """Add a finished call to each block around it. An operation that is no call, and has no cost, adds nothing."""
    cost, frame = invocation.cost, invocation.frame
    priced = isinstance(cost, Cost)
    if not isinstance(frame, Frame) or not (priced or invocation.operation in names.CALLS):
        return
    usage, own = invocation.usage, 1
    counts = (0, 0) if usage is None else (usage.input or 0, usage.output or 0)
    pico = cost.total if isinstance(cost, Cost) else 0
    unpriced = 1 if isinstance(cost, Unpriced) else 0
    current: Frame | None = frame
    while current is not None:
        current.tally.add((pico, 1, unpriced, *counts, own, 0))
        if current.caps is not None:
            current.caps.book(current.tally.read().cost)
        if current.kind == names.INVOKE_AGENT:
            own = 0
        current = current.outer


def withdraw(invocation: Invocation) -> None:
    """Take back that a call has begun: it was not made, or another instrumentor has it."""
    frame, invocation.frame = invocation.frame, None
    while isinstance(frame, Frame):
        if frame.caps is not None and invocation.operation in names.CALLS:
            frame.caps.give_back()
        frame = frame.outer
