"""``record`` and ``cost``: a call that no SDK of ours makes, told by the program; and what an answer at hand costs."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar, cast

from ... import names
from ...model import Invocation, Request, Response, Seller, Usage
from ...texts import bounded
from .. import guard
from ..instrumentor import GenmeterInstrumentor
from ..shapes.stream import deliver
from ..spec import Dialect, Family, OpenCall, Provider, Server, Target
from ..stages.price import price as set_price
from . import handed
from .bill import Bill, RecordError, When, billed, counts, named, prices, second

logger = logging.getLogger("genmeter")
OPERATIONS = (names.CHAT, names.TEXT_COMPLETION, names.GENERATE_CONTENT, names.EMBEDDINGS)
USED = "this recording has been used: make one for each call with genmeter.record(...)"
F = TypeVar("F", bound=Callable[..., Any])


class Place:
    """The server of recorded calls, by its seller's name; ``endpoints`` keeps what it knows by this object."""


@functools.lru_cache(256)
def _place(provider: str) -> Place:
    return Place()


def _read_nothing(arguments: Mapping[str, Any]) -> Request:
    return Request(arguments["model"])


def _sent(error: BaseException) -> bool:
    """No exception in the program's own block says that nothing was sent."""
    return False


FAMILY = Family(lambda instance: None, deliver, lambda error: None, unsent=_sent)
SDK = "genmeter"


class Told:
    """What the program says of a call: its answer or its usage, and what else decides the price."""

    __slots__ = ("_batch", "_region", "_tier", "answer", "usage")

    def __init__(self, answer: Any, usage: Usage | None, tier: str | None, region: str | None, *, batch: bool) -> None:
        self.answer, self.usage = answer, usage
        self._tier, self._region, self._batch = tier, region, batch

    def read(self, invocation: Invocation) -> None:
        """Write it into the record. What the program says of tier and region counts before what the answer says."""
        if self.usage is not None:
            invocation.usage = self.usage
        elif self.answer is not None:
            handed.read(self.answer, invocation)
        response: Response = invocation.response
        response.service_tier = self._tier or response.service_tier
        response.region = self._region or response.region
        response.batch = self._batch or response.batch


def _read_told(told: Told, invocation: Invocation) -> None:
    told.read(invocation)


DIALECTS = {operation: Dialect("recorded", operation, _read_nothing, _read_told) for operation in OPERATIONS}


class Recording:
    """A call of the program's own, as a context manager or a decorator, sync or async; ``record`` makes it.

    Calls of known SDKs that run inside are parts of it, and are not billed again. ``bill`` is there once the call has
    been answered. Each use is one call, so a recording as a context manager serves once.
    """

    def __init__(
        self,
        provider: str,
        model: str | None,
        operation: str,
        told: Callable[[Any, Usage | None], Told],
        bill: Bill | None = None,
    ) -> None:
        self._provider, self._model, self._operation, self._told = provider, model, operation, told
        self._call: OpenCall | None = None
        self._observed: Any = None
        self._entered = bill is not None
        self.bill = bill

    def answered(self, response: Any = None, *, usage: Usage | Mapping[str, int] | None = None) -> None:
        """Say what came back; the call ends here. ``response`` and ``usage`` are as in ``record``.

        A response of a shape that is not known leaves the call without tokens and without a price, and is logged.

        Raises:
            RecordError: both or neither are given, the usage cannot be used, or the recording was not entered.
        """
        if not self._entered:
            raise RecordError("answered() belongs inside `with genmeter.record(...) as call:`")
        if (response is None) == (usage is None):
            raise RecordError("pass the response or its usage, and not both")
        self._end(self._told(response, None if usage is None else counts(usage)))

    def _end(self, told: Told) -> None:
        call, self._call = self._call, None
        if told.usage is None:
            told.answer = guard.step("read", self._readable, told.answer)
        if call is not None:
            guard.step("close", call.read, told)
            self.bill = billed(cast("Any", call).invocation.cost)
        elif self.bill is None:
            self.bill = guard.step("price", self._unmetered, told)

    def _readable(self, answer: Any) -> Any:
        """The answer, where its shape is known; else None, and the log says why the call has no tokens."""
        try:
            answer = handed.opened(answer)
            if handed.shape(answer) is None:
                raise handed.unknown(answer)
        except Exception as error:  # an object of the program's may fail when it is asked for its fields
            words = error if isinstance(error, RecordError) else f"reading the answer failed ({type(error).__name__})"
            logger.warning("genmeter: a call of %s is recorded without its tokens: %s", self._provider, words)
            return None
        return answer

    def _unmetered(self, told: Told) -> Bill:
        return _priced(self._provider, self._model, self._operation, told, None)

    def _open(self) -> None:
        if self._entered:
            raise RecordError(USED)
        self._entered = True
        engine = GenmeterInstrumentor.engine()
        if engine is None:
            return
        row = Provider(SDK, self._provider, FAMILY, ())
        server = Server(_place(self._provider), "", self._provider)
        target = _At("genmeter", "record", DIALECTS[self._operation], place=server)
        self._call = engine.open(row, target, None, (), {"model": self._model})

    # --- as a context manager --------------------------------------------------------------------------------------

    def __enter__(self) -> Recording:
        self._open()
        if self._call is not None:
            self._observed = self._call
            self._call.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        observed, self._observed = self._observed, None
        if observed is not None:
            observed.__exit__(kind, error, trace)
            if self._call is not None and error is None:
                guard.step("close", observed.close)
                self.bill = billed(observed.invocation.cost)
            self._call = None

    async def __aenter__(self) -> Recording:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # --- as a decorator --------------------------------------------------------------------------------------------

    def __call__(self, function: F) -> F:
        """Each call of ``function`` is a call to the model, and what it returns is the answer.

        Raises:
            RecordError: ``function`` is a generator: its answer is none that could be read; or the call is over.
        """
        if self._entered:
            raise RecordError(USED)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise RecordError(
                f"{function.__qualname__} is a generator, whose parts are no whole answer: "
                "use `with genmeter.record(...) as call:` and say call.answered(...) at its end"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self._again() as call:
                    result = await function(*args, **kwargs)
                    call._end(call._told(result, None))
                    return result

            return cast("F", awaited)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self._again() as call:
                result = function(*args, **kwargs)
                call._end(call._told(result, None))
                return result

        return cast("F", called)

    def _again(self) -> Recording:
        return Recording(self._provider, self._model, self._operation, self._told)


class _At(Target):
    """A target whose server is known already."""

    __slots__ = ("_place",)
    _place: Server

    def __init__(self, module: str, path: str, dialect: Dialect, *, place: Server) -> None:
        super().__init__(module, path, dialect)
        object.__setattr__(self, "_place", place)

    def server(self, instance: Any, kwargs: dict[str, Any], bound: dict[str, Any]) -> Server:
        """See ``Target``."""
        return self._place


class _Absent:
    """The default of an argument where None would be an answer that is missing."""

    def __repr__(self) -> str:
        return "..."


ABSENT: Any = _Absent()


def record(
    *,
    provider: str,
    model: str | None = None,
    usage: Usage | Mapping[str, int] = ABSENT,
    response: Any = ABSENT,
    operation: str | None = None,
    at: When | None = None,
    service_tier: str | None = None,
    batch: bool = False,
    region: str | None = None,
) -> Recording:
    """Record a call that no SDK of ours makes: own HTTP code, a worker in another language, a gateway's log.

    The call gets what every other call gets: payer, price, span, event, metrics, budgets. ``provider`` is who bills.
    ``response`` is the whole answer, as an SDK's object, a dictionary or JSON text of a shape that is known; ``usage``
    holds counts by name instead, as in ``price``. ``operation`` is ``chat`` unless the shape says more. ``at`` is when the
    call began; None means the time in the answer, else now.

    With ``usage`` or ``response`` the call is over: it is recorded at once, and ``bill`` is there. A budget that is
    spent does not refuse it, since its money is spent.

    >>> record(provider="openai", model="gpt-5.4-mini", usage={"input": 36, "output": 87}).bill.status
    'priced'

    Without them it is a context manager or a decorator, sync or async, for a call that is still to be made:

    >>> with record(provider="openai", model="gpt-5.4-mini") as call:
    ...     call.answered(usage={"input": 36, "output": 87})
    >>> call.bill.lines
    (('input', 27000000), ('output', 391500000))

    >>> @record(provider="openai", model="gpt-5.4-mini")
    ... def ask(question):
    ...     return {"object": "chat.completion", "usage": {"prompt_tokens": 19, "completion_tokens": 10}}

    Raises:
        RecordError: an argument that cannot be used.
        GenmeterError: the user's own prices cannot be used; only where nothing is metered.
        RejectedCall: as a context manager or a decorator, on entry: the user's own rules forbid the call.
    """
    _check(provider, model, operation, usage, response)
    over = usage is not ABSENT or response is not ABSENT
    counted, found = (None if one is ABSENT else one for one in (usage, response))

    def told(answer: Any, used: Usage | None) -> Told:
        return Told(answer, used, service_tier, region, batch=batch)

    if not over:
        if at is not None:
            raise RecordError("at= belongs to a call that is over: pass its response or its usage too")
        return Recording(provider, model, operation or names.CHAT, told)
    answer = handed.opened(found)
    shape = None if answer is None else handed.shape(answer)
    if answer is not None and shape is None:
        raise handed.unknown(answer)
    one = told(answer, None if counted is None else counts(counted))
    kind = operation or (shape.operation if shape is not None else names.CHAT)
    began = second(at) if at is not None else (handed.made(answer) if answer is not None else None)
    return Recording(provider, model, kind, told, _booked(provider, model, kind, one, began))


def _check(provider: object, model: object, operation: str | None, usage: object, response: object) -> None:
    named("provider", provider)
    if model is not None:
        named("model", model)
    if operation is not None and operation not in OPERATIONS:
        raise RecordError(f"operation={operation!r}: pass one of {', '.join(OPERATIONS)}")
    for name, one in (("response", response), ("usage", usage)):
        if one is None:
            raise RecordError(f"{name}=None: nothing came back; leave {name}= out for a call that is still to be made")
    if usage is not ABSENT and response is not ABSENT:
        raise RecordError("pass the response or its usage, and not both")
    if usage is not ABSENT and model is None:
        raise RecordError("model=: a usage has no price without its model")


def cost(
    response: Any,
    *,
    provider: str | None = None,
    model: str | None = None,
    at: When | None = None,
    service_tier: str | None = None,
    batch: bool = False,
    region: str | None = None,
) -> Bill:
    """What the call behind an answer costs. Nothing is recorded, and no telemetry is needed.

    ``response`` is a whole answer: an SDK's object, a dictionary or JSON text. Without ``provider`` it is whose shape the
    answer has: name the seller for an answer of Azure or of anyone who follows OpenAI's shape. ``model`` is the model that
    was asked for, where the answer does not name one. ``at`` is when the call began; None means the time in the answer,
    else now.

    >>> answer = {
    ...     "object": "chat.completion",
    ...     "model": "gpt-5.4-mini-2026-03-17",
    ...     "created": 1763726400,
    ...     "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
    ... }
    >>> cost(answer, at="2026-11-21T12:00:00Z").usd
    Decimal('0.00005925')

    Raises:
        RecordError: the response has no shape that is known, or another argument cannot be used.
        GenmeterError: the user's own prices cannot be used.
    """
    answer = handed.opened(response)
    shape = handed.shape(answer)
    if shape is None:
        raise handed.unknown(answer)
    if provider is not None:
        named("provider", provider)
    seller = provider or handed.VENDORS[shape]
    began = second(at) if at is not None else handed.made(answer)
    told = Told(answer, None, service_tier, region, batch=batch)
    return _priced(seller, model, shape.operation, told, began)


def _priced(provider: str, model: str | None, operation: str, told: Told, began: float | None) -> Bill:
    """The bill alone, as the price stage makes it."""
    catalogue = prices()
    seller = catalogue.named(provider) or Seller(None, provider)
    invocation = Invocation(operation, seller, Request(model), started=time.time() if began is None else began)
    told.read(invocation)
    set_price(invocation, catalogue)
    return billed(invocation.cost)


def _booked(provider: str, model: str | None, operation: str, told: Told, began: float | None) -> Bill:
    """The bill of a call that is over, after every stage; the bill alone where nothing is metered."""
    engine = GenmeterInstrumentor.engine()
    if engine is None:
        return _priced(provider, model, operation, told, began)
    seller = engine.telemetry.catalogue.named(provider) or Seller(None, bounded(provider))
    request = Request(None if model is None else bounded(model))
    invocation = Invocation(operation, seller, request)
    guard.step("read", told.read, invocation)
    engine.book(SDK, invocation, began)
    return billed(invocation.cost)
