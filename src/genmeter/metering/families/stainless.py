"""SDKs that Stainless generates (openai, anthropic, groq, cerebras, together, fireworks, writer).

A resource keeps its client, and the client its address. A stream keeps its generator, which reads the HTTP response.
``with_raw_response`` and ``with_streaming_response`` say themselves by a header, and give a raw response: the app reads
the HTTP body, or parses it.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar, cast
from weakref import ref

import wrapt

from .. import guard
from ..shapes import stream
from ..shapes.follow import follow, whole
from ..shapes.proxy import Rest, Watched, closing, delivered, dropped, ran, then
from ..shapes.rest import rest
from ..spec import Complaint, Family, Kwargs, OpenCall, Server
from . import include_usage
from .door import headers

RAW_HEADER = "X-Stainless-Raw-Response"
BYTES = "stream"
"""The header's value by which an app takes the body's bytes, out of which no chunk can be hidden."""


def server(instance: Any) -> Server:
    """The client behind a resource."""
    client = instance._client
    kind: Any = type(client)  # pyright: ignore[reportUnknownVariableType]
    # The newest property of openai imports a module each time that it is asked.
    url = getattr(client, "_base_url", None) if _keeps_url(kind) else None
    return Server(client, client.base_url if url is None else url)


@lru_cache(maxsize=256)
def _keeps_url(kind: Any) -> bool:
    """Whether ``base_url`` of the clients of this class is the SDK's own property, which gives ``_base_url``."""
    read: Any = getattr(inspect.getattr_static(kind, "base_url", None), "fget", None)
    return str(getattr(read, "__module__", "")).endswith(("._base_client", "._client"))


def status(error: BaseException) -> int | None:
    """``APIStatusError.status_code``."""
    found: Any = getattr(error, "status_code", None)
    return found if isinstance(found, int) else None


def unsent(error: BaseException) -> bool:
    """Whether no frame of the HTTP library sent anything, and the SDK tells no request: it refused the arguments."""
    if not isinstance(error, Exception) or "request" in vars(error):
        return False
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name == "send" and str(trace.tb_frame.f_globals.get("__name__")).startswith("httpx"):
            return False
        trace = trace.tb_next
    return True


def complaint(error: BaseException) -> Complaint:
    """Code, parameter and body of an SDK's exception; some servers put a status, or nothing, in the place of a code."""
    found: Any = error
    code, body = getattr(found, "code", None), getattr(found, "body", None)
    param = getattr(found, "param", None)
    named = code if isinstance(code, str) and not code.isdecimal() else ""
    return Complaint(status(error), named, param if isinstance(param, str) else "", str(body or ""))


def body(response: Any) -> Any:
    """The JSON or the events of an HTTP response that was read to its end; None where it was not, or has neither."""
    if not str(response.headers.get("content-type", "json")).partition(";")[0].endswith(("json", "/event-stream")):
        return None
    try:
        return whole(response.text)
    except Exception:  # not read: the HTTP libraries' own kinds of exception, which must not be imported for this
        return None


def deliver(result: Any, call: OpenCall) -> Any:
    """The SDK's answer itself; a raw response that is still to be read as a proxy of it.

    Closes the call when there is nothing more to come.
    """
    kwargs = call.kwargs
    if ("extra_headers" in kwargs or "options" in kwargs) and _raw(kwargs) is not None:
        return deliver_raw(result, call)
    return deliver_parsed(result, call)


def deliver_parsed(result: Any, call: OpenCall) -> Any:
    """An answer that is no raw response."""
    kind: Any = type(result)  # pyright: ignore[reportUnknownVariableType]
    form = _form(kind)
    if form is STREAM and call.streamed:
        return watch(result, call)
    if form is VALUE and call.streamed:
        return stream.deliver(result, call)  # another tool's wrapper of a stream has a class that is no stream's
    call.read(body(call.arrived) if form is BODY and call.arrived is not None else result)
    return result


STREAM, BODY, VALUE = object(), object(), object()


@lru_cache(maxsize=256)
def _form(kind: Any) -> object:
    """What an answer of this class is: a stream, a value, or a body that the SDK has not parsed.

    Such a body is a text, bytes, an HTTP response or a file.
    """
    if hasattr(kind, "__stream__"):
        return STREAM
    return BODY if kind in (str, bytes) or hasattr(kind, "iter_bytes") else VALUE


def watch(made: Any, call: OpenCall) -> Any:
    """Let a call see the chunks of an SDK's own stream, which stays the object that it is."""
    call.begin()
    chunks = _chunks(made)
    if hasattr(chunks, "__anext__"):
        made._iterator = stream.AsyncIteration(chunks.__anext__, call)
    else:
        made._iterator = stream.Iteration(chunks.__next__, call)
    sdk = type(made).__module__.partition(".")[0]
    made.response = _watched(made.response, call, partial(rest, sdk, ref(made._iterator), call))
    return made


def _watched(response: Any, call: OpenCall, left: Rest) -> Any:
    """The HTTP response, watched for its closing. Newer SDKs ask it for its byte stream at each chunk.

    An attribute of a proxy's own is found ten times as fast as one of the object behind it.
    """
    found = closing(response, call, left)
    own: Callable[[str, Any], None] | None = getattr(found, "__self_setattr__", None)
    if own is not None and hasattr(response, "stream"):
        guard.step("response", own, "stream", response.stream)
    return found


def undelivered(result: Any, call: OpenCall) -> None:
    """Take the chunk that we asked for out of a stream, or out of a raw response's, around which there is no proxy."""
    if not call.asked:
        return
    if not hasattr(result, "http_response"):
        strip(result)
        return
    parse, stripped = result.parse, list[Any]()

    def once(made: Any) -> Any:
        if not stripped and hasattr(made, "_iterator"):
            stripped.append(strip(made))
        return made

    async def parse_later(*args: Any, **kwargs: Any) -> Any:
        return once(await parse(*args, **kwargs))

    def parse_now(*args: Any, **kwargs: Any) -> Any:
        return once(parse(*args, **kwargs))

    result.parse = parse_later if inspect.iscoroutinefunction(parse) else parse_now


def strip(made: Any) -> Any:
    """An SDK's own stream without the chunk that we asked for."""
    inner, brought = made._iterator, include_usage.brought
    if hasattr(inner, "__anext__"):
        made._iterator = (chunk async for chunk in inner if not brought(chunk))
    else:
        made._iterator = (chunk for chunk in inner if not brought(chunk))
    return made


def _raw(kwargs: Kwargs) -> Any:
    """How the app wants to read a raw response; None: it wants none."""
    found, wanted = headers(kwargs), RAW_HEADER.lower()
    return next((value for name, value in found.items() if str(name).lower() == wanted), None) if found else None


def _ask(kwargs: Kwargs) -> Kwargs | None:
    return None if _raw(kwargs) == BYTES else include_usage.add(kwargs)


def deliver_raw(result: Any, call: OpenCall) -> Any:
    """Read what has already arrived; otherwise a proxy that sees it arrive."""
    response = result.http_response
    if not call.streamed and response.is_closed:
        call.read(body(response))
        return result
    call.begin()
    return RawResponse(result, call)


def _chunks(made: Any) -> Any:
    """The iterator of a stream, without a reference to the stream.

    A generator that refers to its stream makes a cycle with it, and a dropped stream would then end, with its call, when
    the garbage collector comes. So a generator that has not begun is made anew on a copy, as newer SDKs do it themselves.
    """
    own: Any = cast("dict[str, Any]", vars(made)).get("_iterator")
    if own is None:
        return made._iterator
    code = getattr(own, "gi_code", None) or getattr(own, "ag_code", None)
    if code is not made.__stream__.__code__ or getattr(own, "gi_suspended", False):
        return own
    reading = copy.copy(made)
    del reading._iterator
    return reading.__stream__()


class RawResponse(Watched):
    """A raw response that the app has still to parse or to read, sync or async as the SDK made it."""

    def __init__(self, wrapped: Any, call: OpenCall) -> None:
        super().__init__(wrapped, call)
        self._self_stream: tuple[Any, Any] = (None, None)

    def __del__(self) -> None:
        # Once parsed, the stream inside is what the app holds, and it may outlive this.
        if getattr(self, "_self_stream", (None,))[0] is None:
            dropped(self)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__wrapped__, name)
        # The older raw responses have `text` as a property and no `json`, `read` and `close` at all.
        seen = self._self_seen.get(name) if callable(found) else None
        if seen is None:
            return found
        wrapped = guard.step("raw", wrapt.FunctionWrapper, found, partial(seen, self))
        return found if wrapped is None else wrapped

    @property
    def http_response(self) -> Any:
        """The HTTP response itself; closing it ends the call."""
        return closing(self.__wrapped__.http_response, self._self_call)

    def _self_parse(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        return self._self_run(wrapped, self._self_parsed, args, kwargs)

    def _self_read(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        return self._self_run(wrapped, self._self_arrived, args, kwargs)

    def _self_pieces(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any, *, lines: bool = False) -> Any:
        pieces = wrapped(*args, **kwargs)
        seen = guard.step("body", follow, pieces, self._self_call, lines=lines)
        if seen is None:
            return pieces
        self._self_stream = (seen, seen)
        return seen

    def _self_close(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        # Read to its end by the app itself, an HTTP response is closed before: such a call was not cut.
        ended = guard.step("close", lambda: self.__wrapped__.http_response.is_closed)
        call = self._self_call
        after = partial(guard.step, "close", call.close) if ended else call.leave
        return then(wrapped(*args, **kwargs), after)

    def _self_parsed(self, result: Any, call: OpenCall) -> Any:
        # The SDK gives the same stream for every `parse`; so must we.
        inner, outer = self._self_stream
        if result is outer and outer is not None:  # google-genai's own `parse` calls the one that we have wrapped
            return outer
        if inner is not result or inner is None:
            outer = deliver_parsed(result, call) if call.open else result
            self._self_stream = (result, outer)
        return outer

    def _self_arrived(self, result: Any, call: OpenCall) -> Any:
        if call.open:
            call.read(body(self.__wrapped__.http_response))
        return result

    def _self_run(
        self, method: Callable[..., Any], seen: Callable[[Any, OpenCall], Any], args: Any, kwargs: Any
    ) -> Any:
        call = self._self_call
        return ran(method, call, lambda result: delivered(result, call, seen, undelivered), args, kwargs)

    _self_seen: ClassVar[dict[str, Callable[..., Any]]] = {
        "parse": _self_parse,
        "json": _self_read,
        "text": _self_read,
        "read": _self_read,
        "close": _self_close,
        "iter_bytes": _self_pieces,
        "iter_text": _self_pieces,
        "iter_lines": partial(_self_pieces, lines=True),
    }


STAINLESS = Family(server, deliver, status, undelivered, unsent, body, complaint)
INCLUDE_USAGE = include_usage.INCLUDE_USAGE._replace(add=_ask)
"""The usage option of OpenAI-shaped streams, not added where the app takes the body's bytes."""
