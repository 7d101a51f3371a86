"""What differs between the majors of the SDKs, said once."""

from __future__ import annotations

from typing import Any

import anthropic
import openai

OPENAI_MAJOR = int(openai.__version__.split(".")[0])
ANTHROPIC_MAJOR = int(anthropic.__version__.split(".")[0])

HELLO: Any = [{"role": "user", "content": "Hello!"}]
"""Messages that both SDKs take."""


def transport_errors() -> tuple[type[Exception], ...]:
    """What the installed HTTP libraries raise when a body ends too early."""
    found: list[type[Exception]] = []
    for name in ("httpx", "httpx2"):
        try:
            found.append(__import__(name).RemoteProtocolError)
        except ImportError:
            continue
    return tuple(found)


OPENAI_CUT = (openai.APIConnectionError,) if OPENAI_MAJOR >= 3 else transport_errors()
"""openai 3 wraps the transport's error; 1 and 2 let it through."""
ANTHROPIC_CUT = transport_errors()

ANTHROPIC_KEY = ("authorization", "Bearer sk-stub") if ANTHROPIC_MAJOR >= 2 else ("x-api-key", "sk-stub")
"""The header that carries the key."""
ANTHROPIC_BETA_QUERY = {} if ANTHROPIC_MAJOR >= 2 else {"beta": "true"}
"""anthropic 2 serves `client.beta.messages` from the same URL as `client.messages`."""
