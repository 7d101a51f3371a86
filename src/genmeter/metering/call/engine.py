"""Opens calls: decides whether a call is observed, reads its request, and starts its span."""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakSet

from opentelemetry.context import Context, get_current

from ...model import AttributeValue, Invocation
from .. import guard
from ..content import capture, observe_arguments
from ..context import RejectedCall, suppressed, within
from ..endpoints import Endpoints
from ..reaper import reaper
from ..spec import Dialect, Endpoint, Kwargs, Provider, Server, Target, UsageOption
from ..stages.attribute import attribute
from ..telemetry import Telemetry
from .answer import Answer
from .asking import Asked, Asking
from .observation import Observation
from .signals import Signals, start_attributes


class Engine:
    """Opens observations. One for the life of an instrumentation; wrappers ask it and keep no state."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.endpoints = Endpoints(telemetry.settings, telemetry.catalogue)
        self.streams: set[Observation] = set()
        _alive.add(self)
        self.asking = Asking()

    def passes(self, provider: Provider, dialect: Dialect, context: Context) -> bool:
        """Whether a call goes straight through: suppressed, or inside a call that is already observed."""
        if suppressed(context):
            return True
        found = within(context)
        return found is not None and found.sdk == provider.sdk and found.operation == dialect.operation

    def open(
        self,
        provider: Provider,
        target: Target,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: Kwargs,
        option: UsageOption | None = None,
        made: Context | None = None,
    ) -> Observation | None:
        """The call that is about to be made, or None to let it pass.

        ``option`` asks a stream for its usage, where the method takes it. ``made`` is the context in which the app made
        the call, where the SDK sends it later: its arguments are fixed then.

        Raises:
            RejectedCall: the user's own rules forbid it: the call has no payer, or a budget is spent.
        """
        try:
            chosen = target.choose(args, kwargs)
            if chosen is None:
                return None
            dialect, bound = chosen
            context = get_current()
            if self.passes(provider, dialect, context):
                return None
            if made is not None:
                context = made
                if self.passes(provider, dialect, context):
                    return None
            server = target.server(instance, kwargs) or (provider.server or provider.family.server)(instance)
            if server is None:
                return None
            return self._observe(provider, dialect, server, bound, kwargs, option, context, made is None)
        except RejectedCall:
            raise
        except Exception as error:
            guard.failed("open", error)
            return None

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
    ) -> Observation:
        telemetry = self.telemetry
        request = dialect.read_request(bound)
        endpoint = self.endpoints.find(provider, server)
        invocation = Invocation(dialect.operation, endpoint.seller, request, endpoint.address, endpoint.port)
        attributes: dict[str, AttributeValue] = start_attributes(invocation)
        attributes.update(attribute(invocation, telemetry.attributor, context))
        if telemetry.limits is not None:
            telemetry.limits.admit(invocation)
        if telemetry.settings.content != "NO_CONTENT":
            if changeable:
                kwargs = observe_arguments(dialect, bound, kwargs)
            invocation.content = guard.step("content", capture, dialect, {**bound, **kwargs})
        asked: Asked | None = None
        if option is not None and changeable and request.stream and dialect.asks_usage:
            asked, kwargs = self._ask(provider, option, endpoint, kwargs)
        answer = Answer(dialect, invocation)
        signals = Signals(telemetry, provider.sdk, invocation, attributes, context)
        return Observation(provider, answer, signals, kwargs, asked, self.streams, telemetry.settings.chunk_times)

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
