"""LiteLLM as a library: functions of a module, which call other SDKs or post by themselves.

Which company serves a call stands in its arguments, by an address or by a name before the model's, or only in LiteLLM's own
table of models; the answer may know better (``dialects.litellm``). A stream can be read with ``for`` and with
``async for``. Exceptions are LiteLLM's own, with a status, and are also raised where no request was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from opentelemetry.context import get_current

from ..shapes import stream
from ..spec import Complaint, Dialect, Family, Kwargs, OpenCall, Server, Target
from . import include_usage
from .plain import no_server, status
from .stainless import body

SENDERS = frozenset({"httpx", "httpx2", "aiohttp", "openai", "requests", "botocore"})
"""The libraries with which LiteLLM sends requests."""


HIDDEN = "_hidden_params"
INSIDE = ".original_function"
"""What the decorator of LiteLLM's functions calls the function inside it."""


@dataclass(frozen=True, slots=True)
class Function(Target):
    """A function of the package. ``locate`` finds in its arguments where a call goes."""

    locate: Callable[[Kwargs], Server] = field(kw_only=True)

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """As for any method; None for an answer that the program itself has given, for a test of its own."""
        if kwargs.get("mock_response") is not None:
            return None
        return Target.choose(self, args, kwargs)

    def server(self, instance: Any, kwargs: Kwargs, bound: Kwargs) -> Server | None:
        """The address or the provider that the arguments name."""
        url = bound.get("api_base") or bound.get("base_url")  # two names of one argument
        return self.locate({**bound, "api_base": url})


def functions(
    module: str, name: str, dialect: Dialect, *arguments: str, locate: Callable[[Kwargs], Server]
) -> Iterator[Target]:
    """A function and its asynchronous twin, in the module that defines them and in the package, which has copies.

    A decorator stands around each. What it calls is metered too, for a program that has bound a copy before genmeter came.
    """
    for home, inside in ((module, ""), ("litellm", ""), (module, INSIDE)):
        yield Function(home, f"{name}{inside}", dialect, arguments=arguments, locate=locate)
        yield Function(home, f"a{name}{inside}", dialect, awaited=True, arguments=arguments, locate=locate)


def deliver(result: Any, call: OpenCall) -> Any:
    """A stream as a proxy of it, after what it says of itself was read; any other answer is whole.

    Some streams send their request, by another SDK, when they are asked for their first chunk.
    """
    if call.streamed:
        proxy = stream.watched(result, call, get_current())
        if proxy is not None:
            call.head(result)
            return proxy
    call.read(_told(result, call.arrived))
    return result


def _told(result: Any, arrived: Any) -> Any:
    """An answer, with the usage that the server reported where LiteLLM has dropped it (transcriptions, before 1.80)."""
    if arrived is None or getattr(result, "usage", None) is not None or not hasattr(result, HIDDEN):
        return result
    found: Any = body(arrived)
    usage: Any = cast("dict[str, Any]", found).get("usage") if isinstance(found, dict) else None
    told: dict[str, Any] = {**vars(result), HIDDEN: result._hidden_params, "usage": usage}
    return told if usage else result


def undelivered(result: Any, call: OpenCall) -> None:
    """Keep the usage chunk that we asked for from an app that has the stream itself."""
    if call.asked and hasattr(result, "send_stream_usage"):
        result.send_stream_usage = False


def unsent(error: BaseException) -> bool:
    """Whether neither this exception nor one that it was made of came out of a library that sends requests."""
    seen: BaseException | None = error
    if not isinstance(error, Exception):
        return False
    for _ in range(16):  # an exception may be in its own chain
        if seen is None:
            return True
        trace = seen.__traceback__
        while trace is not None:
            if str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] in SENDERS:
                return False
            trace = trace.tb_next
        seen = seen.__cause__ or seen.__context__
    return False


def complaint(error: BaseException) -> Complaint:
    """The status and the words of an exception."""
    return Complaint(status(error), "", "", str(error))


def brought(chunk: Any) -> bool:
    """Whether a chunk came only because we asked for usage: LiteLLM takes the usage out of all other chunks."""
    return getattr(chunk, "usage", None) is not None


ASKING = include_usage.INCLUDE_USAGE._replace(brought=brought)
"""The usage option: LiteLLM hands it on where the provider takes it."""
LITELLM = Family(no_server, deliver, status, undelivered, unsent, complaint=complaint)
