"""Opens calls: decides whether a call is observed, reads its request, and starts its span."""

from __future__ import annotations

import os
from time import time_ns
from typing import Any
from weakref import WeakSet

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, get_current_span

from ... import names
from ...model import AttributeValue, Invocation, Request, Seller
from ...texts import LONGEST, bounded
from .. import guard
from ..blocks.frame import withdraw
from ..coexist import SHARED_KEYS, Rival
from ..content import capture, observe_arguments
from ..context import SUPPRESSED, WITHIN, Within, current
from ..outer import Outer, Outers
from ..payers.rules import RejectedCall
from ..process.reaper import reaper
from ..spec import Dialect, Endpoint, Kwargs, OpenCall, Provider, Server, Target, UsageOption
from ..stages.attribute import admit, owe
from ..stages.price import price
from ..telemetry import Telemetry
from .answer import Answer
from .asking import Asked, Asking
from .observation import Observation
from .passing import Passing
from .signals import Signals, start_attributes


class Engine:
    """Opens observations. One for the life of an instrumentation; wrappers ask it and keep no state."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.endpoints = telemetry.endpoints
        self.outers = Outers(telemetry)
        self.streams: set[Observation] = set()
        _alive.add(self)
        self.asking = Asking()

    def passes(self, dialect: Dialect, context: Context) -> bool:
        """Whether a call goes straight through: suppressed, or inside a call of its kind that is already observed.

        An SDK may call its own methods, and it may call another SDK: the outer call is the bill.
        """
        if context.get(SUPPRESSED):
            return True
        found: Within | None = context.get(WITHIN)  # pyright: ignore[reportAssignmentType]
        if found is None or found.over:
            return False
        ours, inner = found.operation, dialect.operation
        return ours == inner or (ours in SHARED_KEYS and SHARED_KEYS[ours] is SHARED_KEYS.get(inner))

    def open(
        self,
        provider: Provider,
        target: Target,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: Kwargs,
        option: UsageOption | None = None,
        made: Context | None = None,
        rival: Rival | None = None,
    ) -> OpenCall | None:
        """The call that is about to be made, or None to let it pass.

        ``option`` asks a stream for its usage, where the method takes it. ``made`` is the context in which the app made
        the call, where the SDK sends it later: its arguments are fixed then. ``rival`` instruments the method as well:
        the call is the rival's, and passes with all that is inside it, unless we run inside the rival's span and can
        write on it.

        Raises:
            RejectedCall: the user's own rules forbid it: the call has no payer, or a budget is spent.
        """
        shape: tuple[Any, Kwargs] = target.dialect, kwargs
        try:
            chosen = target.of(instance, args, kwargs)
            if chosen is None:
                return None
            dialect, bound = shape = chosen
            context = current()
            if self.passes(dialect, context):
                return None
            if made is not None:
                context = made
                if self.passes(dialect, context):
                    return None
            server = target.server(instance, kwargs, bound) or (provider.server or provider.family.server)(instance)
            if server is None:
                return None
            return self._observe(provider, dialect, server, bound, kwargs, option, context, made is None, rival)
        except RejectedCall:
            raise
        except Exception as error:
            guard.failed("open", error)
            if rival is not None:
                return None
            return self._bare(provider, target, shape, kwargs, made)

    def _observe(
        self,
        provider: Provider,
        dialect: Dialect,
        server: Server,
        bound: Kwargs,
        kwargs: Kwargs,
        option: UsageOption | None,
        context: Context,
        changeable: bool,
        rival: Rival | None,
    ) -> OpenCall:
        telemetry = self.telemetry
        request = dialect.read_request(bound)
        model = request.model
        if model is not None and not (type(model) is str and len(model) <= LONGEST and model.isascii()):
            request.model = bounded(model)
        endpoint = self.endpoints.find(provider, server)
        invocation = Invocation(dialect.operation, endpoint.seller, request, endpoint.address, endpoint.port)
        attributes: dict[str, AttributeValue] = start_attributes(invocation)
        attributes.update(admit(invocation, telemetry, context))
        around, outer = INVALID_SPAN, None
        try:
            around = get_current_span(context)
            outer = self.outers.find(context, around, invocation, rival)
        except Exception as error:
            guard.failed("outer", error)
        if rival is not None and not self._ours(rival, outer):
            rival.yielded(provider.sdk)
            withdraw(invocation)
            return Passing(provider.sdk, dialect.operation, kwargs)
        if telemetry.settings.content != "NO_CONTENT":
            if changeable:
                kwargs = guard.step("content", observe_arguments, dialect, bound, kwargs) or kwargs
            invocation.content = guard.step("content", capture, dialect, {**bound, **kwargs})
        asked: Asked | None = None
        if option is not None and changeable and request.stream and dialect.asks_usage:
            asked, kwargs = guard.step("ask", self._ask, provider, option, endpoint, kwargs) or (None, kwargs)
        answer = Answer(dialect, invocation)
        try:
            unseen = outer is None and self.outers.elsewhere(context)
        except Exception as error:
            guard.failed("outer", error)
            unseen = False
        signals = Signals(telemetry, provider.sdk, invocation, attributes, context, around, outer, unseen=unseen)
        return Observation(provider, answer, signals, kwargs, asked, self.streams, telemetry.settings.chunk_times)

    def _bare(
        self, provider: Provider, target: Target, shape: tuple[Any, Kwargs], kwargs: Kwargs, made: Context | None
    ) -> Observation:
        """The call after a fault of ours: its rules are asked as ever, and its model, times and tokens are recorded.

        ``shape`` is the dialect and the arguments by name, as far as they are known.

        Raises:
            RejectedCall: as ``open``; a budget that rejects refuses what could not be read.
            TypeError: it is not known whether the call runs a model at all.
        """
        dialect, bound = shape
        if not isinstance(dialect, Dialect):
            raise TypeError("the shape of this call is not known")
        model: Any = bound.get("model")
        streamed = target.manager or bool(bound.get("stream"))
        request = Request(bounded(model) if isinstance(model, str) else None, streamed)
        invocation = Invocation(dialect.operation, Seller(None, provider.name), request, unread=True)
        context = made if made is not None else current()
        attributes = admit(invocation, self.telemetry, context)
        attributes |= {names.OPERATION: dialect.operation, names.PROVIDER: provider.name}
        if request.model:
            attributes[names.REQUEST_MODEL] = request.model
        around = guard.step("outer", get_current_span, context) or INVALID_SPAN
        signals = Signals(self.telemetry, provider.sdk, invocation, attributes, context, around, None, unseen=False)
        return Observation(provider, Answer(dialect, invocation), signals, kwargs, None, self.streams, False)

    def book(self, sdk: str, invocation: Invocation, began: float | None = None) -> None:
        """Record a call that is over: every stage, and no rule that could refuse it, since its money is spent.

        ``invocation`` has been read. ``began`` is its Unix second; None: now. How long it took is not known.
        """
        context = current()
        if context.get(SUPPRESSED):
            price(invocation, self.telemetry.catalogue)
            return
        invocation.told = True
        attributes = start_attributes(invocation)
        attributes.update(owe(invocation, self.telemetry, context))
        around = guard.step("outer", get_current_span, context) or INVALID_SPAN
        at = time_ns() if began is None else int(began * 1e9)
        signals = Signals(self.telemetry, sdk, invocation, attributes, context, around, None, unseen=False, at=at)
        signals.within.over = True
        guard.step("close", signals.complete, invocation)
        guard.step("end", signals.span.end, signals.started)

    def _ours(self, rival: Rival, outer: Outer | None) -> bool:
        """Whether the call is ours to meter although a rival wraps the method."""
        if outer is not None and rival.made(outer.span):
            return True
        return rival.apart(self.telemetry.tracer_provider)

    def _ask(
        self, provider: Provider, option: UsageOption, endpoint: Endpoint, kwargs: Kwargs
    ) -> tuple[Asked | None, Kwargs]:
        if not self.telemetry.settings.ask_stream_usage:
            return None, kwargs
        return self.asking.ask(endpoint, option, provider.family.complaint, kwargs) or (None, kwargs)

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


_alive: WeakSet[Engine] = WeakSet()


def _after_fork() -> None:
    # A forked child would close, and so bill, its parent's streams a second time.
    for engine in _alive:
        engine.forget()


os.register_at_fork(after_in_child=_after_fork)
