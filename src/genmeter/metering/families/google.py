"""google-genai: one client for the Gemini API and for Vertex AI, and within it a generated one for interactions.

Stainless generated the inner one until 1.x, and Speakeasy does since then. Beside it the generated clients of
google-cloud-aiplatform, through which the older ``vertexai`` package goes.
"""

from __future__ import annotations

from typing import Any

from ..shapes import stream
from ..spec import Family, OpenCall, Server
from . import speakeasy, stainless
from .plain import status

VERTEX = "gcp.vertex_ai"
HTTP = ("httpx", "requests", "aiohttp", "urllib3")
"""How the modules begin that send."""


def server(instance: Any) -> Server:
    """The API client that all parts of a client share. Behind an address of the app's own its mode tells who bills."""
    client = instance._api_client
    url = client._http_options.base_url
    # Outside Vertex AI the location may be a word of the environment that nothing uses.
    return Server(client, url, mode=VERTEX, region=client.location) if client.vertexai else Server(client, url)


def interactions_server(instance: Any) -> Server:
    """The inner client. On Vertex AI its version of the API names a project; one of 1.x says it."""
    if hasattr(instance, "sdk_configuration"):
        found = speakeasy.server(instance)
        vertex = "/projects/" in str(found.owner.globals.api_version)
    else:
        found = stainless.server(instance)
        vertex = bool(getattr(found.owner, "_is_vertex", False))
    return found._replace(mode=VERTEX if vertex else None)


def deliver_interaction(result: Any, call: OpenCall) -> Any:
    """What one of the two inner clients gives."""
    kind: Any = result.__class__
    generated = stainless if hasattr(kind, "__stream__") else speakeasy
    return generated.deliver(result, call)


def unsent(error: BaseException) -> bool:
    """Whether the SDK refused the arguments.

    No server has answered then, and neither a module that sends nor a converter of answers is in the trace.
    """
    if not isinstance(error, Exception) or status(error) is not None:
        return False
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        name = frame.f_code.co_name
        if str(frame.f_globals.get("__name__")).startswith(HTTP) or "_from_" in name or name == "loads":
            return False
        trace = trace.tb_next
    return True


def gapic_server(client: Any) -> Server:
    """A generated client of Google Cloud, which keeps a host."""
    return Server(client, f"https://{client.api_endpoint}", mode=VERTEX)


def deliver_message(result: Any, call: OpenCall) -> Any:
    """What such a client gives: an asynchronous stream of gRPC is iterable alone."""
    if call.streamed and hasattr(result, "__aiter__"):
        call.begin()
        return stream.AsyncStream(result, call)
    return stream.deliver(result, call)


GAPIC = Family(gapic_server, deliver_message, status)
GENAI = Family(server, stream.deliver, status, unsent=unsent)
INTERACTIONS = Family(interactions_server, deliver_interaction, status, unsent=stainless.unsent, body=stainless.body)
