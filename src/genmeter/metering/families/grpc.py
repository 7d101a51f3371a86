"""SDKs whose clients are stubs of gRPC (xai-sdk): the channel behind a stub knows the address, an error has gRPC's own code.

An object of the SDK keeps its stub under ``_stub``, and the stub has a callable for each method of the service. What the
SDK makes of an answer holds the message as ``_proto``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import NoOpTracer

from ..shapes.stream import deliver
from ..spec import Complaint, Dialect, Family, Kwargs, Muted, Server, Target


@dataclass(frozen=True, slots=True)
class Kept(Target):
    """A method of an object that keeps the message which it asks: the dialect sees the message as ``_proto``."""

    def of(self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect of the method, the message and the arguments."""
        chosen = self.choose(args, kwargs)
        return None if chosen is None else (chosen[0], {"_proto": instance._proto, **chosen[1]})


HALVES = {"sync": False, "aio": True}
"""The packages of the two kinds of clients, and whether their methods are awaited."""


def halves(module: str, path: str, dialect: Dialect, *arguments: str, kept: bool = False) -> tuple[Target, ...]:
    """A method in both halves of an SDK: ``module`` has ``{half}`` in the place where their names differ."""
    made = Kept if kept else Target
    return tuple(
        made(module.format(half=half), path, dialect, awaited=awaited, arguments=arguments)
        for half, awaited in HALVES.items()
    )


def silent(*modules: str) -> tuple[Muted, ...]:
    """The tracers of modules, in both halves."""
    return tuple(Muted(module.format(half=half), "tracer", NoOpTracer()) for module in modules for half in HALVES)


def server(instance: Any) -> Server:
    """The address of the channel below a stub: ``dns:///api.x.ai`` or ``127.0.0.1:50051``."""
    stub = instance._stub
    target: Any = _channel(next(iter(stub.__dict__.values()))).target
    if not isinstance(target, bytes):  # a method, but for an asynchronous channel
        target = target()
    return Server(stub, f"https://{target.decode().rpartition('/')[2].removeprefix('ipv4:')}")


def _channel(held: Any) -> Any:
    """The channel itself, below the interceptors of a synchronous one, which hide it in a closure."""
    thunk = getattr(held, "_thunk", None)
    if thunk is not None:
        held = thunk.__closure__[thunk.__code__.co_freevars.index("self")].cell_contents
    while not hasattr(held, "target"):
        held = held._channel
    return held


def refused(error: BaseException) -> bool:
    """Whether an exception is one of gRPC's."""
    return any(kind.__module__ == "grpc" and kind.__name__ == "RpcError" for kind in type(error).__mro__)


def status(error: BaseException) -> None:
    """gRPC has no HTTP status."""
    return


def unsent(error: BaseException) -> bool:
    """Whether the SDK was making the message of a request, which it does in functions named ``_make_...``."""
    if not isinstance(error, Exception) or refused(error):
        return False
    trace, made = error.__traceback__, False
    if trace is not None and trace.tb_next is None:
        return isinstance(error, TypeError)  # refused by Python itself
    while trace is not None:
        made = made or trace.tb_frame.f_code.co_name.startswith("_make_")
        trace = trace.tb_next
    return made


def complaint(error: BaseException) -> Complaint:
    """The name of gRPC's status, ``RESOURCE_EXHAUSTED`` for one, and what the server said."""
    if not refused(error):
        return Complaint(None, "", "", str(error))
    found: Any = error
    return Complaint(None, str(getattr(found.code(), "name", "")), "", str(found.details()))


def body(arrived: Any) -> Any:
    """The message that the SDK got."""
    return arrived


GRPC = Family(server, deliver, status, unsent=unsent, body=body, complaint=complaint)
