"""Clients of voyageai: an address among the parameters of a client, and results that keep a part of the answer.

The answer itself, with its model, is what the SDK makes each result of. Some models run inside the program: a call of
such a model is no call of a provider.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from ..spec import Dialect, Family, Kwargs, OpenCall, Server, Target
from .plain import status

DEFAULT = "https://api.voyageai.com/v1"
HTTP = "api_requestor"
"""The module of the SDK that sends requests."""
LOCAL = "voyageai.local.helpers"
"""The module of the SDK that knows which models run inside the program."""


@dataclass(frozen=True, slots=True)
class Method(Target):
    """A method of a client that may be asked for a model inside the program."""

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """As for any method; None for a model inside the program."""
        found = Target.choose(self, args, kwargs)
        helpers: Any = sys.modules.get(LOCAL)
        if found is not None and helpers is not None and helpers.is_local_model(found[1].get("model")):
            return None
        return found


def methods(owner: str, name: str, dialect: Dialect, *arguments: str) -> tuple[Target, Target]:
    """A method of the synchronous client, and of the asynchronous one."""
    return (
        Method("voyageai.client", f"{owner}.{name}", dialect, arguments=arguments),
        Method("voyageai.client_async", f"Async{owner}.{name}", dialect, awaited=True, arguments=arguments),
    )


def server(client: Any) -> Server:
    """The address among the parameters of a client; older versions have one for all clients."""
    url = client._params.get("base_url") or getattr(sys.modules.get("voyageai"), "api_base", DEFAULT)
    return Server(client, url)


def unsent(error: BaseException) -> bool:
    """Whether the module that sends requests is not in the trace: the SDK refused the arguments."""
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).endswith(HTTP):
            return False
        trace = trace.tb_next
    return isinstance(error, Exception)


def deliver(result: Any, call: OpenCall) -> Any:
    """The result itself, read through the answer that it was made of."""
    call.read(result if call.arrived is None else call.arrived)
    return result


def body(arrived: Any) -> Any:
    """The answer, which the SDK could make no result of."""
    return arrived


VOYAGE = Family(server, deliver, status, unsent=unsent, body=body)
