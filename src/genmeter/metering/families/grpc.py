"""SDKs whose clients are stubs of gRPC (xai-sdk): the channel behind a stub knows the address, an error has gRPC's own code.

An object of the SDK keeps its stub under ``_stub``, and the stub has a callable for each method of the service. What the
SDK makes of an answer holds the message as ``_proto``.
"""

from __future__ import annotations

from typing import Any

from ..shapes.stream import deliver
from ..spec import Complaint, Family, Server


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
