"""Clients that botocore makes (boto3, aiobotocore): one method for all operations, answers and errors that are mappings.

The class of a client is made anew for every client, and each of its methods calls ``_make_api_call(operation, params)``.
A streamed answer is a mapping that holds its stream under ``stream`` or ``body``; a whole one may hold a body that the
app reads itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..shapes.body import watch
from ..shapes.stream import AsyncStream, Stream, deliver
from ..spec import Dialect, Family, Kwargs, OpenCall, Server, Target

KEYS = ("stream", "body")
ARGUMENTS = ("operation_name", "api_params")
HTTP = "httpsession"
"""The module of botocore, and of aiobotocore, that sends requests."""


@dataclass(frozen=True, slots=True)
class Operations(Target):
    """The method of a client that makes all its calls. Its ``dialect`` maps operations to what they speak.

    Where one operation serves several kinds of models, a row ``Operation word`` holds for the models whose id has the
    word; the first such row wins.
    """

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect of one call and its parameters; None for an operation that runs no model."""
        given = {**dict(zip(ARGUMENTS, args, strict=False)), **kwargs}
        operation, parameters = given.get(ARGUMENTS[0]), given.get(ARGUMENTS[1])
        table = cast("Mapping[str, Dialect]", self.dialect)
        dialect = table.get(cast(str, operation))
        if dialect is None or not isinstance(parameters, dict):
            return None
        found = cast("Kwargs", parameters)
        model = str(found.get("modelId")).lower()
        start = f"{operation} "
        special = (other for row, other in table.items() if row.startswith(start) and row[len(start) :] in model)
        return next(special, dialect), found


def operations(module: str, owner: str, table: Mapping[str, Dialect], *, awaited: bool = False) -> Operations:
    """The row of a table for one class of clients."""
    return Operations(module, f"{owner}._make_api_call", table, awaited=awaited, arguments=ARGUMENTS)


def server_of(service: str, seller: str | None = None) -> Callable[[Any], Server | None]:
    """Where a client of ``service`` sends its calls; None for a client of any other service.

    ``seller`` is the one behind an unknown address: an endpoint of a private network, a proxy.
    """

    def server(client: Any) -> Server | None:
        meta = client.meta
        if meta.service_model.service_name != service:
            return None
        return Server(meta, meta.endpoint_url, mode=seller, region=getattr(meta, "region_name", None))

    return server


def status(error: BaseException) -> int | None:
    """``ClientError.response``: the status stands in the metadata."""
    response: Any = getattr(error, "response", {})
    try:
        return int(response["ResponseMetadata"]["HTTPStatusCode"])
    except (KeyError, TypeError, ValueError):
        return None


def unsent(error: BaseException) -> bool:
    """Whether no frame of the HTTP library lies below the error, and no answer is in it: the arguments were refused."""
    if not isinstance(error, Exception) or hasattr(error, "response"):
        return False
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).endswith(HTTP):
            return False
        trace = trace.tb_next
    return True


def deliver_mapping(result: Any, call: OpenCall) -> Any:
    """The mapping itself, with its stream or its open body, if there is one, replaced by a proxy of it."""
    key = next((key for key in KEYS if key in result), None)
    if key is None or not (call.streamed or hasattr(result[key], "read")):
        return deliver(result, call)
    call.begin()
    call.head(result)
    held = result[key]
    if not call.streamed:
        told = dict(result)
        headers: Mapping[str, Any] = told.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        result[key] = watch(held, call, lambda data: {**told, key: data}, headers.get("content-length"))
    else:
        result[key] = AsyncStream(held, call) if hasattr(held, "__aiter__") else Stream(held, call)
    return result


BOTOCORE = Family(lambda client: None, deliver_mapping, status, unsent=unsent)
