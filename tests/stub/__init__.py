"""Loopback providers: an HTTP server that speaks their wire formats, for the real SDKs by base_url.

with StubServer() as stub:
    client = OpenAI(base_url=stub.openai_url, api_key="sk-stub")
    stub.script("/v1/chat/completions", Reply(status=429, headers={"retry-after-ms": "1"}), Stream(n=5, gap=0.01))

`script.py` says what may be scripted, `triggers.py` which model names decide the answer, `bodies/README.md` which
published references the default bodies follow. `python -m tests.stub` serves until SIGTERM.
"""

from __future__ import annotations

from .script import Exact, Reply, Request, Stream, ToolCall
from .server import StubServer

__all__ = ["Exact", "Reply", "Request", "Stream", "StubServer", "ToolCall"]
