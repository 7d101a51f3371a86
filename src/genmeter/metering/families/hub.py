"""Clients of Hugging Face's hub (huggingface_hub): where a call goes follows from the provider, the key and the model."""

from __future__ import annotations

from typing import Any

from ..shapes.stream import deliver
from ..spec import Family, Server

ROUTER = "https://router.huggingface.co"
"""Sells for the providers behind it: each has a path of its own, and ``v1`` lets the server choose."""


def server(client: Any) -> Server:
    """A URL as the model is the address; else Hugging Face's router, or the provider itself for the provider's own key."""
    model, provider, token = client.model, client.provider, client.token
    if isinstance(model, str) and model.startswith(("http://", "https://")):
        return Server(client, model)
    if not isinstance(provider, str) or provider == "auto":
        return Server(client, f"{ROUTER}/v1")
    # An own key of a provider makes the SDK send the call to the provider, which then bills it.
    own = isinstance(token, str) and not token.startswith("hf_")
    return Server(client, f"{ROUTER}/{provider}", provider if own else None)


def status(error: BaseException) -> int | None:
    """The status of the response that an error keeps; ``status`` of the errors of aiohttp, which the asynchronous client of 0.x raises."""
    found: Any = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status", None)
    return found if isinstance(found, int) else None


HUB = Family(server, deliver, status)
