"""One call of the app: around the SDK's code, through the value or stream that the SDK returns, to its one end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any

from ...model import Invocation
from .. import guard
from ..context import attach, detach
from ..endpoints import routed
from ..errors import OTHER, cancelled, error_type, provider_code, reported
from ..process.reaper import reaper
from ..spec import Kwargs, Provider
from .answer import Answer, shown
from .asking import Asked
from .signals import Signals


class Observation:
    """One call, from before the SDK runs until its last byte: the ``spec.OpenCall`` of families and shapes.

    ``streams`` is where it stands while the app holds a stream of it. ``timed``: keep the time between chunks.

    Leaving it with an exception closes it with that error; leaving it well leaves it open until an answer is read or the
    stream that the SDK gave is done. The first that closes it, from any thread, closes it; once.
    """

    __slots__ = (
        "__weakref__",
        "_asked",
        "_failing",
        "_once",
        "_provider",
        "_sent",
        "_signals",
        "_streams",
        "_timed",
        "_token",
        "chunks",
        "invocation",
        "kwargs",
        "streamed",
    )

    passes = False

    def __init__(
        self,
        provider: Provider,
        answer: Answer,
        signals: Signals,
        kwargs: Kwargs,
        asked: Asked | None,
        streams: set[Observation],
        timed: bool,
    ) -> None:
        self._provider, self._signals, self._asked = provider, signals, asked
        self._streams, self._timed = streams, timed
        self._once = [True]
        self._sent = True
        self._failing: BaseException | None = None
        self._token: Any = None
        self.chunks = answer
        self.invocation: Invocation = answer.invocation
        self.kwargs = kwargs
        self.streamed = answer.invocation.request.stream
        if asked is not None:
            answer.hides = asked.option.brought if asked.stands else shown

    @property
    def asked(self) -> bool:
        """Whether we asked the server for the stream's usage, and it did not refuse."""
        return self._asked is not None and self._asked.stands

    @property
    def arrived(self) -> Any:
        """The HTTP response that the SDK got, until the call ends; None where that is not known."""
        return self._signals.within.arrived

    @property
    def open(self) -> bool:
        """Whether the call's end has not come yet."""
        return bool(self._once)

    # --- around the SDK's own code ---------------------------------------------------------------------------------

    def __enter__(self) -> Observation:
        try:
            self._token = attach(self._signals.context)
        except Exception as failure:
            guard.failed("context", failure)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """True only when the server refused the option that we had added: then the caller's own call is to be made again."""
        try:
            detach(self._token)
        except Exception as failure:
            guard.failed("context", failure)
        if error is None:
            return False
        if self._asked is not None and guard.step("ask", self._asked.refused, error):
            self.kwargs, self.chunks.hides = self._asked.given, shown
            return True
        guard.step("close", self._raised, error)
        return False

    # --- what the SDK gave -----------------------------------------------------------------------------------------

    def begin(self, *, sent: bool = True) -> None:
        """The app is about to hold a stream; the usage that we asked for is hidden from it even if this goes wrong."""
        self._sent = sent
        try:
            self._begin()
        except Exception as error:
            guard.failed("stream", error)
            self.chunks.fold = self.chunks.hides

    def _begin(self) -> None:
        asked = self._asked
        if asked is not None:
            guard.step("ask", asked.answered)
        self.chunks.begin(self._signals.begun, asked is not None and asked.stands, self._timed)
        self._signals.begin()
        self._streams.add(self)
        reaper.ready()

    def head(self, result: Any) -> None:
        """Read what an answer says beside its stream."""
        guard.step("fold", self.chunks.head, result)

    def read(self, result: Any) -> None:
        """Read a whole answer and close."""
        self.chunks.read(result)
        self.close()

    # --- the end ---------------------------------------------------------------------------------------------------

    def stop(self, error: BaseException) -> None:
        """The SDK raised the exception that the app gets next: the end of a stream, or a failure; for GeneratorExit see ``leave``."""
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self.invocation.answered = self.invocation.answered or self._failing is not None
            guard.step("close", self.close, error=self._failing)
        elif isinstance(error, GeneratorExit):
            self.leave()
        else:
            begins = not self._sent and self.invocation.first_chunk is None
            guard.step("close", self._raised if begins else self.fail, error)

    def rest(self, error: BaseException) -> Callable[[Any], bool] | None:
        """See ``spec.OpenCall``. The call fails with this error at the stream's end, and is billed as a whole."""
        if not self._once or self.chunks.tail is None:
            return None
        self._failing = error
        return self.chunks.tail

    def leave(self) -> None:
        """The app closed what it held.

        A generator of the app's that is thrown away closes its stream in a finalizer, perhaps in the middle of the
        OpenTelemetry SDK with a lock held: the stages then run on the reaper's thread.
        """
        if sys.exc_info()[0] is GeneratorExit:
            reaper.put(partial(self.close, cut="closed", ended=perf_counter()))
        else:
            guard.step("close", self.close, cut="closed")

    def _raised(self, error: BaseException) -> None:
        """The SDK's method raised: a failed call, or no call at all where the SDK had sent nothing."""
        if self.arrived is None and guard.step("unsent", self._provider.family.unsent, error):
            self._discard()
        else:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Close with the exception that the app is about to get. A consumer that was cancelled is no failed stream.

        Where the answer had arrived, and the SDK could not make of it what the app wants, the answer is billed.
        """
        if isinstance(error, GeneratorExit):
            self.abandon()  # a coroutine that was dropped, closed by a finalizer
            return
        if self.arrived is not None and not self.streamed and self.open:
            guard.step("body", self._read_arrived)
        if self.chunks.in_pieces and cancelled(error):
            self.close(cut="cancelled")
        else:
            self.close(error=error)

    def _read_arrived(self) -> None:
        body = self._provider.family.body(self.arrived)
        if body is not None:
            self.chunks.read(body)
            self.invocation.answered = self.invocation.usage is not None

    def _discard(self) -> None:
        """End without a trace: the SDK refused the app's arguments, and no request was sent."""
        if self._once:
            self._once.clear()
            self._streams.discard(self)
            self._signals.within.over = True
            self._signals.discard(self.invocation)

    def forget(self) -> None:
        """Never close: a forked child's copy of its parent's call."""
        self._once.clear()

    def abandon(self) -> None:
        """For finalizers: close soon, on the reaper's thread, as of now."""
        if self._once:
            ended = perf_counter()
            reaper.put(lambda: self.close(cut="abandoned", ended=ended))

    def close(self, *, error: BaseException | None = None, cut: str | None = None, ended: float | None = None) -> None:
        """Run the stages and end the span. Only the first call of this method does anything."""
        try:
            self._once.pop()
        except IndexError:
            return
        self._streams.discard(self)
        within = self._signals.within
        if within.arrived is not None and self.invocation.seller.id is None:
            guard.step("seller", self._routed, within.arrived)
        within.arrived, within.over = None, True
        self.chunks.fold = self.chunks.hides  # an app that reads on does not see what we asked for
        invocation, signals = self.invocation, self._signals
        invocation.duration = (perf_counter() if ended is None else ended) - signals.begun
        invocation.cut = cut
        if error is not None:
            invocation.exception = error
            invocation.error = guard.step("error", self._error_type, error) or "_OTHER"
        if self.chunks.in_pieces or invocation.content is not None:
            guard.step("finish", self.chunks.finish, self.kwargs)
        if self._asked is not None and error is None and cut is None:
            guard.step("ask", self._asked.ended, reported=invocation.usage is not None)
        try:
            signals.complete(invocation)
        except Exception as failure:
            guard.failed("close", failure)
        try:
            signals.span.end(signals.started + int(invocation.duration * 1e9))
        except Exception as failure:
            guard.failed("end", failure)

    def _routed(self, arrived: Any) -> None:
        """The seller that a router has chosen, where only its answer tells."""
        response = self.invocation.response
        response.served = response.served or routed(arrived)

    def _error_type(self, error: BaseException) -> str:
        if provider_code(error) is not None:
            return error_type(error)
        family = self._provider.family
        stated = reported(family.complaint(error).code)
        if stated != OTHER:
            return stated
        status = family.status(error) if self._provider.error_by_status else None
        if status is not None and status >= 400:  # an answer that the SDK could not parse has a good status
            return str(status)
        return error_type(error)
