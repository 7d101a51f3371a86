"""The ``ollama`` package: a server of the user's own, or ollama.com.

The package's own functions (``ollama.chat``) are bound methods of a client that it makes while it is imported. They are
metered too, for a program that imports ollama before genmeter.
"""

from __future__ import annotations

from ..dialects.ollama import OLLAMA_CHAT, OLLAMA_EMBEDDINGS, OLLAMA_GENERATE
from ..families.plain import CLIENT
from ..spec import Dialect, Provider, Target, both


def _everywhere(method: str, argument: str, dialect: Dialect, *, lazy: bool = False) -> tuple[Target, ...]:
    named = ("model", argument)
    return (
        *both("ollama._client", "Client", method, dialect, arguments=named, lazy=lazy),
        Target("ollama", method, dialect, arguments=named, lazy=lazy),
    )


OLLAMA = Provider(
    sdk="ollama",
    name="ollama",
    family=CLIENT,
    targets=(
        *_everywhere("chat", "messages", OLLAMA_CHAT, lazy=True),
        *_everywhere("generate", "prompt", OLLAMA_GENERATE, lazy=True),
        *_everywhere("embed", "input", OLLAMA_EMBEDDINGS),
        *_everywhere("embeddings", "prompt", OLLAMA_EMBEDDINGS),
    ),
    error_by_status=True,
)
