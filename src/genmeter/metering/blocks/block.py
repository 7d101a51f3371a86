"""``workflow``, ``agent`` and ``tool``: blocks of the program that make calls, as the program names them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache, partial
from time import perf_counter, time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from opentelemetry.context import Context, set_value
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from ... import names
from ...credentials import scrub
from ...model import AttributeValue
from ...texts import LONGEST, name_of
from .. import guard
from ..context import SUPPRESSED, attach, current, detach
from ..notices import notices
from ..outer import attributes_of
from ..process.reaper import reaper
from .decorating import decorated
from .foreign import block_of
from .frame import FRAME, NO_MAKER, Frame, inside
from .meter import meter
from .signals import finish

if TYPE_CHECKING:
    from ..metrics.series import Labels
    from ..telemetry import Telemetry
    from .caps import Caps, OnExceed

F = TypeVar("F", bound=Callable[..., Any])


class Block:
    """A block of the program: a context manager and a decorator, sync and async, also of generators.

    One object may be entered by several threads and tasks at once. Nothing of it reaches the program: a fault of ours is
    counted, and exceptions pass as they are.
    """

    __slots__ = ("_caps", "_conversation", "_name", "_open", "_said")
    kind = ""
    word = ""

    def __init__(self, name: object, conversation: object, said: dict[str, AttributeValue]) -> None:
        self._name = "" if name is None else _text(self.word, "name", name)
        self._conversation = None if conversation is None else _text(self.word, "conversation", conversation) or None
        self._said = said
        self._caps: Callable[[], Caps] | None = None
        self._open: dict[int, tuple[Telemetry, Frame]] = {}

    def __enter__(self) -> Self:
        try:
            frame, context = self.begin()
            if frame is not None:
                frame.token = attach(context)
        except Exception as error:
            guard.failed("block", error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            found = self._mine()
            if found is not None:
                detach(found.token)
                self.end(found, error)
        except Exception as fault:
            guard.failed("block", fault)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Decorate a function, a coroutine function, a generator or an asynchronous generator: each run is a block."""
        return decorated(self, function)

    # --- one run ---------------------------------------------------------------------------------------------------

    def begin(self) -> tuple[Frame | None, Context]:
        """Start a run without entering it: its frame, and the context for the code inside. No frame without a meter."""
        telemetry, context = meter.telemetry, current()
        if not notices.attributed:
            notices.attribute(self.word)
        if telemetry is None:
            return None, context
        outer: Frame | None = context.get(FRAME)  # pyright: ignore[reportAssignmentType]
        maker = inside(NO_MAKER if outer is None else outer.maker, self.kind, self._name, self._conversation)
        frame = Frame(self, self.kind, maker, outer, None if self._caps is None else self._caps())
        reaper.ready()
        frame.begun, frame.started = perf_counter(), time_ns()
        within = set_value(FRAME, frame, context)
        if not context.get(SUPPRESSED):
            try:
                within = self._start(telemetry, frame, context, within)
            except Exception as error:  # a sampler or a processor of the user's
                guard.failed("span", error)
        self._open[id(frame)] = telemetry, frame
        return frame, within

    def _start(self, telemetry: Telemetry, frame: Frame, context: Context, within: Context) -> Context:
        around: Any = get_current_span(context)
        if self._has_span(around):
            frame.span = around
            return within
        name = f"{self.kind} {self._name}" if self._name else self.kind
        span = telemetry.routes.start_block(name, context, self._attributes(frame), frame.started)
        if span is None:
            return within
        frame.span, frame.owned = span, True
        return set_span_in_context(span, within)

    def _has_span(self, around: Span) -> bool:
        """Whether a framework has opened a span of this very block just outside."""
        if not around.is_recording():
            return False
        scope = getattr(around, "instrumentation_scope", None)
        if scope is None or scope.name == names.SCOPE:
            return False
        return block_of(attributes_of(around)) == (self.kind, self._name)

    def _attributes(self, frame: Frame) -> dict[str, AttributeValue]:
        """The attributes of the span, all of them known at its start."""
        return {names.OPERATION: self.kind, **frame.carried, **self._said}

    def _labels(self, frame: Frame) -> Labels:
        """What names the block on metrics."""
        raise NotImplementedError

    def _mine(self) -> Frame | None:
        """The run that is being left: the innermost of this block in the context, else the only one that is open."""
        frame: Frame | None = current().get(FRAME)  # pyright: ignore[reportAssignmentType]
        while frame is not None:
            if frame.block is self and id(frame) in self._open:
                return frame
            frame = frame.outer
        # A generator that the collector closes runs in a context of others.
        left = list(self._open.values())
        return left[0][1] if len(left) == 1 else None

    def end(self, frame: Frame, error: BaseException | None) -> None:
        """End a run. Only the first call for a run does anything."""
        found = self._open.pop(id(frame), None)
        if found is None:
            return
        telemetry, seconds = found[0], perf_counter() - frame.begun
        if isinstance(error, GeneratorExit):
            # A finalizer may run in the middle of the OpenTelemetry SDK with a lock held.
            reaper.put(partial(finish, telemetry, frame, self._labels(frame), seconds, None))
            return
        finish(telemetry, frame, self._labels(frame), seconds, error)


class _Capped(Block):
    """A block with limits of its own."""

    __slots__ = ()

    def _limit(self, max_cost: object, max_calls: int | None, on_exceed: OnExceed) -> None:
        if on_exceed not in ("warn", "reject"):
            raise ValueError(f'genmeter.{self.word}(on_exceed={on_exceed!r}): write "warn" or "reject"')
        if max_cost is None and max_calls is None:
            return
        amount = None if max_cost is None else _pico(self.word, max_cost)
        if max_calls is not None and (type(max_calls) is not int or max_calls < 0):
            raise ValueError(f"genmeter.{self.word}(max_calls={max_calls!r}): write a whole number of calls")
        from .caps import Caps

        self._caps = partial(Caps, self.word, self._name, amount, max_calls, on_exceed == "reject")


class workflow(_Capped):  # noqa: N801  used like a function
    """A piece of work that agents and calls are parts of: a span ``invoke_workflow {name}``, and a name on each call inside.

    ``max_cost`` (US dollars, as a text, a whole number or a ``Decimal``) and ``max_calls`` are limits of each run. Calls
    beyond a limit raise ``LimitExceeded`` before any request is sent; with ``on_exceed="warn"`` they are logged instead.
    ``conversation`` is the id of the conversation that the work belongs to.

    >>> with workflow("refunds", max_cost="0.50"):
    ...     pass

    Raises:
        TypeError: a name that has no text.
        ValueError: a limit that is none.
    """

    __slots__ = ()
    kind = names.INVOKE_WORKFLOW
    word = "workflow"

    def __init__(
        self,
        name: object,
        *,
        conversation: object = None,
        max_cost: str | int | Decimal | None = None,
        max_calls: int | None = None,
        on_exceed: OnExceed = "reject",
    ) -> None:
        super().__init__(name, conversation, {})
        if self._name:
            self._said[names.WORKFLOW_NAME] = self._name
        self._limit(max_cost, max_calls, on_exceed)

    def _labels(self, frame: Frame) -> Labels:
        return ((names.WORKFLOW_NAME, self._name),) if self._name else ()


class agent(_Capped):  # noqa: N801  used like a function
    """An agent: a span ``invoke_agent {name}``, and its name on each call inside, also where the span is not sampled.

    Agents may lie inside each other: a call has the name of the nearest, and the path of all. ``id`` and ``version`` are the
    agent's own. For the other arguments see ``workflow``.

    >>> @agent("triage", version="3", max_calls=20)
    ... def triage(ticket: str) -> str:
    ...     return ticket

    Raises:
        TypeError: a name that has no text.
        ValueError: a limit that is none.
    """

    __slots__ = ()
    kind = names.INVOKE_AGENT
    word = "agent"

    def __init__(
        self,
        name: object,
        *,
        id: object = None,  # noqa: A002  the conventions' word
        version: object = None,
        conversation: object = None,
        max_cost: str | int | Decimal | None = None,
        max_calls: int | None = None,
        on_exceed: OnExceed = "reject",
    ) -> None:
        given = ((names.AGENT_ID, "id", id), (names.AGENT_VERSION, "version", version))
        said = {key: _text("agent", word, value) for key, word, value in given if value is not None}
        super().__init__(name, conversation, {key: text for key, text in said.items() if text})
        self._limit(max_cost, max_calls, on_exceed)

    def _labels(self, frame: Frame) -> Labels:
        return ((names.AGENT_NAME, self._name),) if self._name else ()


class _Tool(Block):
    """What ``tool`` makes."""

    __slots__ = ("_type",)
    kind = names.EXECUTE_TOOL
    word = "tool"

    def __init__(self, name: object, call_id: object, type: object) -> None:  # noqa: A002  the conventions' word
        super().__init__(name, None, {})
        self._type = _text("tool", "type", type)
        said = {names.TOOL_NAME: self._name, names.TOOL_TYPE: self._type}
        if call_id is not None:
            said[names.TOOL_CALL_ID] = _text("tool", "call_id", call_id)
        self._said.update({key: text for key, text in said.items() if text})

    def __call__(self, function: F) -> F:
        if not self._name:
            return _Tool(_word_of(function), self._said.get(names.TOOL_CALL_ID), self._type)(function)
        return decorated(self, function)

    def begin(self) -> tuple[Frame | None, Context]:
        frame, context = super().begin()
        if frame is not None:
            frame.tool()
        return frame, context

    def _labels(self, frame: Frame) -> Labels:
        said = (names.TOOL_NAME, self._name), (names.TOOL_TYPE, self._type), (names.AGENT_NAME, frame.maker.agent or "")
        return tuple((key, text) for key, text in said if text)


class _Tools:
    """A tool that an agent runs: a span ``execute_tool {name}``, without its arguments and its result.

    As a decorator it takes the name of the function; ``call_id`` is the id that the provider gave the call of the tool.

    >>> @tool
    ... def find_order(order: str) -> str:
    ...     return order
    >>> with tool("find_order", call_id="call_1"):
    ...     pass

    Raises:
        TypeError: a name that has no text.
    """

    __slots__ = ()

    @overload
    def __call__(self, name: F) -> F: ...
    @overload
    def __call__(self, name: str | None = None, *, call_id: object = None, type: object = "function") -> _Tool: ...
    def __call__(self, name: object = None, *, call_id: object = None, type: object = "function") -> Any:  # noqa: A002
        if callable(name):
            return _Tool(None, None, "function")(name)
        return _Tool(name, call_id, type)


tool = _Tools()


def _pico(word: str, written: object) -> int:
    from ...budgets import pico_of  # its calendar is not for those who set no limit

    exact = f"{Decimal(written):f}" if isinstance(written, int | Decimal) and not isinstance(written, bool) else written
    try:
        return pico_of(exact)
    except ValueError as error:
        raise ValueError(f"genmeter.{word}(max_cost={written!r}): {error}") from None


def _word_of(function: Any) -> str:
    """The name of a function, of the function of a ``partial``, or of the class of another callable object."""
    if hasattr(function, "__name__"):
        return str(function.__name__)
    return _word_of(function.func) if hasattr(function, "func") else type(function).__name__


def _text(word: str, field: str, value: object) -> str:
    """A name as it may leave; empty for a text without a letter."""
    if type(value) is str and len(value) <= LONGEST:
        return _short(value)
    if field == "name" and callable(value):
        raise TypeError(f'genmeter.{word} is written with a name: @genmeter.{word}("{_word_of(value)}")')
    try:
        return _short(name_of(value) or "")
    except TypeError as error:
        raise TypeError(f"genmeter.{word}({field}=...): {error}") from None


@lru_cache(4096)
def _short(text: str) -> str:
    name = name_of(text)
    return "" if name is None else scrub(name)
