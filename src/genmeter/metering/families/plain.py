"""SDKs without forms of their own: values, and streams that are iterators (google-genai, cohere, mistralai).

Each keeps its server's address in a place of its own, which its provider names. Generators that have sent nothing yet
are ``shapes.lazy``'s: no family sees them before their first chunk.
"""

from __future__ import annotations

from typing import Any

from ..shapes.stream import deliver
from ..spec import Family, Server


def no_server(instance: Any) -> None:
    """A provider of this family must say where its server is; where it does not, its calls pass."""
    return


def client_server(instance: Any) -> Server:
    """The client behind a resource, where both are named as in Stainless's SDKs (together 1.x, ollama)."""
    client = instance._client
    return Server(client, client.base_url)


def kept_server(instance: Any) -> Server:
    """The same for a client whose address has no public name (zhipuai, ai21)."""
    client = instance._client
    return Server(client, client._base_url)


def status(error: BaseException) -> int | None:
    """``status_code`` of mistralai's and cohere's exceptions, ``code`` of google-genai's, ``http_status`` of together's."""
    for name in ("status_code", "code", "http_status"):
        found: Any = getattr(error, name, None)
        if isinstance(found, int) and 100 <= found <= 599:  # ollama has -1 for an error without a status
            return found
    return None


PLAIN = Family(no_server, deliver, status)
CLIENT = Family(client_server, deliver, status)
