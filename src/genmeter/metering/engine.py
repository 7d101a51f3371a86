"""One call under observation: open it, let the SDK run, take what it gives (value, stream, manager, raw), close once."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from functools import partial
from time import perf_counter, time_ns
from types import TracebackType
from typing import Any
from weakref import WeakSet

from opentelemetry.context import Context, attach, get_current, set_value
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, set_span_in_context

from .. import names
from ..model import AttributeValue, Invocation
from . import coexist, guard
from .asking import Asking
from .content import capture, content_attributes, observe_arguments, passing
from .context import WITHIN, RejectedCall, detach, suppressed
from .endpoints import Endpoints
from .errors import error_type
from .proxies import unasked
from .reaper import reaper
from .spec import Accumulator, Kwargs, Provider, Target
from .stages.attribute import attribute
from .stages.describe import describe
from .stages.measure import charge, measure, under_way
from .stages.price import price
from .stages.report import report, report_exception
from .streams import deliver_unasked, watch
from .telemetry import Telemetry

CANCELLED = "CancelledError"


class Engine:
    """Opens observations. One for the life of an instrumentation; wrappers ask it and keep no state."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.endpoints = Endpoints(telemetry.settings, telemetry.catalogue)
        self.streams: set[Observation] = set()
        _alive.add(self)
        self.asking = Asking()

    def passes(self, provider: Provider, target: Target, context: Context) -> bool:
        """Whether a call goes straight through: suppressed, or inside a call that is already observed."""
        return suppressed(context) or context.get(WITHIN) == (provider.sdk, target.dialect.operation)

    def open(self, provider: Provider, target: Target, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        """An Observation of the call that is about to be made, or None to let it pass.

        Raises:
            RejectedCall: the user's own rules forbid it: nobody can be charged for it, or a budget is spent.
        """
        try:
            context = get_current()
            if self.passes(provider, target, context):
                return None
            bound = {**dict(zip(target.arguments, args, strict=False)), **kwargs} if args else kwargs
            return Observation(self, provider, target, instance, bound, kwargs, context)
        except RejectedCall:
            raise
        except Exception as error:
            guard.failed("open", error)
            return None

    def close_streams(self) -> None:
        """Close what is still open when the process ends or the instrumentation goes: each is one call."""
        reaper.drain()
        for observation in list(self.streams):
            guard.step("close", observation.close, cut="abandoned")

    def forget(self) -> None:
        """The streams under way are the parent's, in a forked child."""
        for observation in self.streams:
            observation.forget()
        self.streams.clear()


class Observation:
    """One call, from before the SDK runs until its last byte. Enter it around the SDK's code.

    Leaving it with an exception closes it with that error; leaving it well leaves it open until ``deliver`` has seen a
    value or the stream that it gave is done. Whatever closes it first, from whichever thread, closes it; once.
    """

    __slots__ = (
        "__weakref__",
        "_accumulator",
        "_attributes",
        "_begun",
        "_context",
        "_dialect",
        "_endpoint",
        "_engine",
        "_last_chunk",
        "_once",
        "_outer",
        "_parent",
        "_span",
        "_started",
        "_token",
        "_unasked",
        "_under_way",
        "asked",
        "fold",
        "invocation",
        "kwargs",
    )

    def __init__(
        self,
        engine: Engine,
        provider: Provider,
        target: Target,
        instance: Any,
        bound: Kwargs,
        kwargs: Kwargs,
        context: Context,
    ) -> None:
        telemetry, dialect = engine.telemetry, target.dialect
        request = dialect.read_request(bound)
        endpoint = engine.endpoints.find(provider, instance._client)
        invocation = Invocation(dialect.operation, endpoint.seller, request, endpoint.address, endpoint.port)
        attributes = _start_attributes(invocation)
        attributes.update(attribute(invocation, telemetry.attributor, context))
        if telemetry.limits is not None:
            telemetry.limits.admit(invocation)
        self._engine, self._dialect, self._endpoint = engine, dialect, endpoint
        self._accumulator: Accumulator | None = None
        self.asked = False
        self._unasked: Kwargs | None = None
        self.fold: Callable[[Any], bool] = _unseen
        """Takes one chunk in. True: it came only because we asked, and the app must not see it. May raise."""
        self._attributes = attributes
        self._once = [True]
        self._token: Any = None
        self.kwargs = kwargs
        self.invocation = invocation
        if telemetry.settings.content != "NO_CONTENT":
            self.kwargs = observe_arguments(dialect, bound, kwargs)
            invocation.content = guard.step("content", capture, dialect, {**bound, **self.kwargs})
        if dialect.asks_usage and request.stream and telemetry.settings.ask_stream_usage:
            asking = engine.asking.arguments(endpoint, self.kwargs)
            if asking is not None:
                self._unasked, self.kwargs, self.asked = self.kwargs, asking, True
        self._begin(provider, context)

    def _begin(self, provider: Provider, context: Context) -> None:
        """Start the span and the clock; last, so that nothing of ours can fail after it."""
        telemetry, invocation = self._engine.telemetry, self.invocation
        within = set_value(WITHIN, (provider.sdk, invocation.operation), context)
        self._outer = coexist.outer(context, invocation.operation)
        self._parent = coexist.parent(context)
        self._begun, self._started = perf_counter(), time_ns()
        invocation.started = self._started / 1e9
        if self._outer is not None:
            self._span, self._context = INVALID_SPAN, within
            return
        model = invocation.request.model
        named = model and invocation.operation != names.FETCH_RESPONSE
        self._span: Span = telemetry.tracer.start_span(
            f"{invocation.operation} {model}" if named else invocation.operation,
            context,
            SpanKind.CLIENT,
            self._attributes,
            start_time=self._started,
        )
        inner = set_span_in_context(self._span, within)
        self._context = guard.step("announce", coexist.announce, inner, invocation.operation) or inner
        self._under_way = under_way(invocation)
        guard.step("measure", telemetry.points.add, (self._under_way,))

    # --- around the SDK's own code ---------------------------------------------------------------------------------

    def __enter__(self) -> Observation:
        try:
            self._token = attach(self._context)
        except Exception as failure:
            guard.failed("context", failure)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """True only when the server refused what we had added: then the caller's own call is to be made again."""
        guard.step("context", detach, self._token)
        if error is None:
            return False
        if self.asked and guard.step("ask", self._refused, error):
            return True
        guard.step("close", self.fail, error)
        return False

    def _refused(self, error: BaseException) -> bool:
        """Whether to make the caller's own call now, because the server may have refused what we added."""
        if self._unasked is None or not self._engine.asking.may_be_refusal(self._endpoint, error):
            return False
        self.kwargs, self.asked = self._unasked, False
        return True

    # --- what the SDK gave -----------------------------------------------------------------------------------------

    def deliver(self, result: Any) -> Any:
        """What the app gets: the SDK's own object, or a proxy of the same type where there is more to see."""
        try:
            return watch(result, self)
        except Exception as error:
            guard.failed("deliver", error)
            guard.step("close", self.close)
            guard.step("deliver", deliver_unasked, result, self)
            return result

    def read(self, result: Any) -> None:
        """Read a whole response and close."""
        self._accumulator = None
        guard.step("read", self._dialect.read_response, result, self.invocation)
        content = self.invocation.content
        if content is not None and self._dialect.read_output is not None:
            content.output = guard.step("content", self._dialect.read_output, result)
        self.close()

    def stream(self) -> None:
        """The app now holds a stream: fold its chunks from here on."""
        accumulator = self._dialect.accumulator
        if accumulator is not None and self._accumulator is None:
            self._accumulator = guard.step("stream", accumulator, self.asked, self.invocation.content is not None)
        if self._unasked is not None:
            guard.step("ask", self._engine.asking.learn, self._endpoint, self.asked)
        if self._engine.telemetry.settings.chunk_times:
            self.invocation.gaps = array("d")
        self.fold = self._first
        self._engine.streams.add(self)
        reaper.ready()

    def _first(self, chunk: Any) -> bool:
        """Fold the first chunk and note when it came. Every later one goes straight to the accumulator."""
        invocation = self.invocation
        self._last_chunk = perf_counter()
        invocation.first_chunk = self._last_chunk - self._begun
        fold = self._accumulator.fold if self._accumulator is not None else self._blind
        self.fold = fold if invocation.gaps is None else partial(self._timed, fold)
        return fold(chunk)

    @property
    def _blind(self) -> Callable[[Any], bool]:
        """For chunks that nobody folds (any more): what was not the app's before is not the app's now."""
        return unasked if self.asked else _unseen

    def _timed(self, fold: Callable[[Any], bool], chunk: Any) -> bool:
        """Fold a chunk and note the time since the one before."""
        hidden = fold(chunk)
        if not hidden and self.invocation.gaps is not None:
            now = perf_counter()
            self.invocation.gaps.append(now - self._last_chunk)
            self._last_chunk = now
        return hidden

    # --- the end ---------------------------------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Close with the exception that the app is about to get. A consumer that was cancelled is no failed stream."""
        if isinstance(error, GeneratorExit):
            self.abandon()  # a coroutine that was dropped, closed by a finalizer
        elif self._accumulator is not None and type(error).__name__ == CANCELLED:
            self.close(cut="cancelled")
        else:
            self.close(error=error)

    def forget(self) -> None:
        """Never close: a forked child's copy of its parent's call."""
        self._once.clear()

    @property
    def open(self) -> bool:
        """Whether nobody has closed it yet."""
        return bool(self._once)

    def abandon(self) -> None:
        """For finalizers: close soon, on another thread, as of now."""
        if self._once:
            ended = perf_counter()
            reaper.put(lambda: self.close(cut="abandoned", ended=ended))

    def close(self, *, error: BaseException | None = None, cut: str | None = None, ended: float | None = None) -> None:
        """Run the stages and end the span; whoever comes second does nothing."""
        try:
            self._once.pop()
        except IndexError:
            return
        self._engine.streams.discard(self)
        self.fold = self._blind  # a bound method of our own would keep us alive until the garbage collector comes
        invocation = self.invocation
        invocation.duration = (perf_counter() if ended is None else ended) - self._begun
        invocation.cut = cut
        if error is not None:
            invocation.exception = error
            invocation.error = guard.step("error", error_type, error) or "_OTHER"
        guard.step("close", self._complete, invocation, self._engine.telemetry)
        guard.step("end", self._span.end, self._started + int(invocation.duration * 1e9))

    def _complete(self, invocation: Invocation, telemetry: Telemetry) -> None:
        step = guard.step
        if self._accumulator is not None:
            step("finish", self._accumulator.finish, invocation)
            if invocation.content is not None:
                invocation.content.output = step("content", getattr, self._accumulator, "messages", None)
        if invocation.content is not None and passing(self._dialect, self.kwargs):
            taken = step("content", capture, self._dialect, self.kwargs)
            invocation.content.input = taken.input if taken is not None else None
        step("price", price, invocation, telemetry.catalogue)
        step("sight", telemetry.sightings.see, invocation)
        if telemetry.limits is not None:
            step("budget", telemetry.limits.book, invocation)
        if self._outer is not None:
            step("charge", charge, invocation, telemetry)
            step("publish", self._publish, telemetry)
            invocation.exception = None
            return
        attributes = step("describe", describe, invocation, telemetry.settings) or {}
        step("measure", measure, invocation, telemetry, self._span.get_span_context(), self._under_way)
        step("span", self._write_span, invocation, attributes)
        if telemetry.settings.event:
            step("report", self._report, telemetry, attributes)
        if invocation.exception is not None:
            step("exception", report_exception, invocation.exception, telemetry, self._context, self._attributes)
        invocation.exception = None  # it holds the frames of the app

    def _publish(self, telemetry: Telemetry) -> None:
        """The call of an official instrumentation around this one has the span: it gets the money."""
        invocation = self.invocation
        invocation.cost = coexist.together(self._outer, invocation.cost)
        coexist.publish(
            self._outer, self._context, invocation, {**self._attributes, **describe(invocation, telemetry.settings)}
        )

    def _write_span(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
        span = self._span
        if not span.is_recording():
            return
        span.set_attributes(attributes)
        settings = self._engine.telemetry.settings
        if invocation.content is not None and settings.content in ("SPAN_ONLY", "SPAN_AND_EVENT"):
            span.set_attributes(content_attributes(invocation.content, settings, as_json=True))
        if invocation.error is not None:
            span.set_status(
                Status(StatusCode.ERROR, str(invocation.exception) if invocation.exception is not None else None)
            )

    def _report(self, telemetry: Telemetry, attributes: dict[str, AttributeValue]) -> None:
        details: dict[str, Any] = {**self._attributes, **attributes}
        content = self.invocation.content
        if content is not None and telemetry.settings.content in ("EVENT_ONLY", "SPAN_AND_EVENT"):
            details.update(content_attributes(content, telemetry.settings, as_json=False))
        report(self.invocation, telemetry, self._context, details, self._parent)


def _unseen(chunk: Any) -> bool:
    return False


def _start_attributes(invocation: Invocation) -> dict[str, AttributeValue]:
    """What a sampler needs to see."""
    attributes: dict[str, AttributeValue] = {
        names.OPERATION: invocation.operation,
        names.PROVIDER: invocation.seller.name,
    }
    if invocation.request.model:
        attributes[names.REQUEST_MODEL] = invocation.request.model
    if invocation.address is not None:
        attributes[names.SERVER_ADDRESS] = invocation.address
    if invocation.port is not None:
        attributes[names.SERVER_PORT] = invocation.port
    return attributes


_alive: WeakSet[Engine] = WeakSet()


def _after_fork() -> None:
    # A forked child would close, and so bill, its parent's streams a second time.
    for engine in _alive:
        engine.forget()


os.register_at_fork(after_in_child=_after_fork)
