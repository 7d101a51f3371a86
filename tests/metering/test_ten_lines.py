"""The ten lines of CONTRIBUTING.md meter the real SDK that they name, and take nothing from the app."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from genmeter import names
from genmeter.metering import instrumentor
from genmeter.metering.dialects.openai_chat import OPENAI_CHAT
from genmeter.metering.families.stainless import STAINLESS
from genmeter.metering.spec import Provider, both
from tests.architecture.tree import ROOT
from tests.stub import StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import one_call
from .sdk import HELLO, dump

pytest.importorskip("groq")

ASK: Any = {"model": "llama-3.3-70b-versatile", "messages": HELLO}


def ten_lines() -> Provider:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (block,) = (found for found in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Provider(" in found)
    assert block.count("\n") <= 10
    given: dict[str, Any] = {"Provider": Provider, "both": both, "STAINLESS": STAINLESS, "OPENAI_CHAT": OPENAI_CHAT}
    exec(block, given)
    return given["GROQ"]


def whole(stub: StubServer) -> Any:
    with make_client("groq", stub, asynchronous=False) as client:
        return dump(client.chat.completions.create(**ASK))


def stream(stub: StubServer) -> Any:
    with make_client("groq", stub, asynchronous=False) as client:
        return [dump(chunk) for chunk in client.chat.completions.create(**ASK, stream=True)]


def stream_async(stub: StubServer) -> Any:
    async def run() -> Any:
        async with make_client("groq", stub, asynchronous=True) as client:
            return [dump(chunk) async for chunk in await client.chat.completions.create(**ASK, stream=True)]

    return asyncio.run(run())


@pytest.mark.parametrize("way", [whole, stream, stream_async])
def test_the_ten_lines_meter_the_real_sdk(
    way: Callable[[StubServer], Any], stub: StubServer, meters: MeterFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = way(stub)
    monkeypatch.setattr(instrumentor, "PROVIDERS", (ten_lines(),))
    meter = meters()
    assert way(stub) == bare
    attributes = one_call(meter)
    # The published example of Groq's usage object: 18 and 556.
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (18, 556)
