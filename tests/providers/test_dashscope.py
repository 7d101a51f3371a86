"""dashscope: what its classes can be billed for is metered by the task of their requests, or waived with a reason."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from genmeter.metering.providers.dashscope import TASKS
from tests.stub import StubServer

from .conftest import Metering
from .contract import HELLO, Sdk
from .listed import PRESENT
from .test_calls import tokens_of
from .test_coverage import matches, waived

dashscope = pytest.importorskip("dashscope")
PARENTS = re.compile(r"super\(\)\.\w+\(|request\.call\(|_get\(|_post\(|requests\.|Session\(")
"""How a method of a class sends a request: by its parent's method of some name, by a request, or itself."""


def sending() -> Iterator[tuple[str, str]]:
    """``Class.method`` of every public method of an exported class that sends, and the task of its requests."""
    for name in dashscope.__all__:
        owner: Any = getattr(dashscope, name)
        if not inspect.isclass(owner) or owner.__module__.startswith("dashscope.v2"):
            continue
        group = owner.__module__.split(".")[1]
        for method, held in vars(owner).items():
            function = getattr(held, "__func__", held)
            if (
                not method.startswith("_")
                and inspect.isfunction(function)
                and PARENTS.search(inspect.getsource(function))
            ):
                yield f"{name}.{method}", f"{group}/{getattr(owner, 'task', '')}"


def test_every_class_is_metered_by_its_task_or_waived() -> None:
    rows = waived("dashscope")
    found = list(sending())
    assert len(found) > 40
    metered = {
        name for name, task in found if task in TASKS and name.endswith(".call") and not name.startswith("Batch")
    }
    assert metered >= {"Generation.call", "AioGeneration.call", "MultiModalConversation.call", "TextEmbedding.call"}
    assert [name for name, _ in found if name not in metered and not any(matches(name, row) for row in rows)] == []
    assert [name for name in metered if any(matches(name, row) for row in rows)] == []


NEWER = [sdk for sdk in PRESENT if sdk.name == "dashscope_v2"]


@pytest.mark.parametrize("sdk", NEWER, ids=lambda sdk: sdk.name)
@pytest.mark.parametrize(
    ("protocol", "path", "tokens"),
    [("openai", "/v1", {"input": 19, "output": 10}), ("anthropic", "", {"input": 25, "output": 15})],
)
def test_the_clients_are_metered_in_each_protocol(
    sdk: Sdk, protocol: str, path: str, tokens: dict[str, int], stub: StubServer, metering: Metering
) -> None:
    from dashscope.v2 import Client

    meter = metering(sdk)
    client = Client(base_url=f"{stub.url}{path}", api_key="sk-stub", protocol=protocol, max_retries=0)
    asked: Any = {"model": "qwen-plus", "messages": HELLO, "max_tokens": 64}
    client.chat.completions.create(**asked)
    for _ in client.chat.completions.create(**asked, stream=True):
        pass
    client.close()
    assert [tokens_of(dict(span.attributes or {})) for span in meter.spans] == [tokens, tokens]
