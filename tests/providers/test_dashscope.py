"""dashscope: what its classes can be billed for is metered by the task of their requests, or waived with a reason."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from genmeter.metering.providers.dashscope import TASKS

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
