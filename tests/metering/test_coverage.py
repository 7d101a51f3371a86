"""What the SDKs can be billed for is metered, or waived here with a reason; a new method of a new version fails."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from genmeter.metering.providers import PROVIDERS
from genmeter.metering.spec import Provider

from .sdk import ANTHROPIC, INSTALLED, OPENAI

MANAGED = "manages things at the provider and runs no model"
WAIVED = {
    "openai": {
        "admin.*": MANAGED,
        "audio.voice*": MANAGED,
        "batches.*": "runs later; its results are priced when they are read (issue: batches)",
        "beta.agents.*": "hosted agents: the runs are billed by the session, which no call sees",
        "beta.assistants.*": MANAGED,
        "beta.chatkit.*": MANAGED,
        "beta.realtime.*": "a WebSocket, not a call: each turn is billed by an event",
        "beta.responses.*.cancel": MANAGED,
        "beta.responses.*.connect": "a WebSocket, not a call: each turn is billed by an event",
        "beta.responses.input_tokens.*": "counts tokens; free",
        "beta.threads.*": "the Assistants API, deprecated in the SDK; runs are billed asynchronously",
        "chat.completions.completions.Completions.update": MANAGED,
        "containers.*": MANAGED,
        "content_provenance_checks.*": "no dialect yet, and no token usage in its answer",
        "conversations.*": MANAGED,
        "decisions.*": "in preview, one model; no dialect yet",
        "evals.*": "runs later; billed at the graders' own prices",
        "files.*": MANAGED,
        "fine_tuning.*": "training is billed by the hour and not by the call",
        "live.*": "a live session, not a call: each turn is billed by an event",
        "realtime.*": "a WebSocket, not a call: each turn is billed by an event",
        "responses.responses.Responses.cancel": MANAGED,
        "responses.responses.Responses.connect": "a WebSocket, not a call: each turn is billed by an event",
        "responses.input_tokens.*": "counts tokens; free",
        "safety.*": MANAGED,
        "skills.*": MANAGED,
        "uploads.*": MANAGED,
        "vector_stores.*": "storage is billed by the day and not by the call",
        "videos.*": "billed by the second of video, which no response reports",
        "webhooks.*": MANAGED,
    },
    "groq": {
        "batches.*": "runs later; its results are priced when they are read (issue: batches)",
        "files.*": MANAGED,
    },
    "anthropic": {
        "beta.messages.batches.*": "runs later; its results are priced when they are read (issue: batches)",
        "messages.batches.*": "runs later; its results are priced when they are read (issue: batches)",
        "*.count_tokens": "counts tokens; free",
        "completions.*": "Text Completions: gone from the SDK since 1.0",
        "beta.sessions.*": "hosted agents: the runs are billed by the session, which no call sees",
        "beta.agents.*": MANAGED,
        "beta.deployments.*": "hosted agents: the runs are billed by the session, which no call sees",
        "beta.dreams.*": "hosted agents: the runs are billed by the session, which no call sees",
        "beta.environments.*": MANAGED,
        "beta.files.*": MANAGED,
        "beta.memory_stores.*": MANAGED,
        "beta.organization.*": MANAGED,
        "beta.skills.*": MANAGED,
        "beta.tunnels.*": MANAGED,
        "beta.user_profiles.*": MANAGED,
        "beta.vaults.*": MANAGED,
        "beta.webhooks.*": MANAGED,
        "files.*": MANAGED,
        "organization.*": MANAGED,
        "skills.*": MANAGED,
        "user_profiles.*": MANAGED,
    },
}
LATER = {("openai.resources.beta.responses.responses", "parse")}
"""Twins that the SDK does not have yet."""
NEWEST = {"openai": OPENAI >= (3, 0), "anthropic": ANTHROPIC >= (2, 0), "groq": True}
SENDING = {"openai": 20, "anthropic": 20, "groq": 12}
"""So many methods send something at least; fewer mean that the SDK's resources were not found."""
HERE = [provider for provider in PROVIDERS if INSTALLED[provider.sdk]]


def posting(package: str) -> Iterator[str]:
    """``module.Class.method`` of every resource method that sends something, or holds a line open."""
    root = importlib.import_module(f"{package}.resources")
    for found in pkgutil.walk_packages(root.__path__, f"{package}.resources."):
        module = importlib.import_module(found.name)
        for name, owner in vars(module).items():
            if inspect.isclass(owner) and owner.__module__ == found.name and not name.startswith("_"):
                for method, function in vars(owner).items():
                    if sends(method, function):
                        yield f"{found.name.removeprefix(f'{package}.resources.')}.{name}.{method}"


def sends(method: str, function: Any) -> bool:
    """Whether a method posts by itself; GETs run no model."""
    if method.startswith("_") or not inspect.isfunction(function):
        return False
    return method == "connect" or "self._post(" in inspect.getsource(function)


def metered(provider: Provider) -> set[str]:
    """The tables, in the same words."""
    prefix = f"{provider.sdk}.resources."
    return {f"{target.module.removeprefix(prefix)}.{target.path}" for target in provider.targets} | {
        # `chat.completions` re-exports what `chat.completions.completions` holds
        f"chat.completions.completions.{target.path}"
        for target in provider.targets
        if target.module.endswith("chat.completions")
    }


@pytest.mark.parametrize("provider", HERE, ids=lambda provider: provider.sdk)
def test_every_method_that_can_be_billed_is_metered_or_waived(provider: Provider) -> None:
    """A method of the installed SDK that sends a request is in the table, or waived with a reason."""
    known = metered(provider)
    waived = WAIVED[provider.sdk]
    sending = sorted(posting(provider.sdk))
    assert len(sending) >= SENDING[provider.sdk], "the SDK's resources were not found"
    forgotten = [
        name
        for name in sending
        if name not in known and not any(fnmatchcase(name.replace(".Async", "."), pattern) for pattern in waived)
    ]
    assert forgotten == []


@pytest.mark.parametrize("provider", HERE, ids=lambda provider: provider.sdk)
def test_every_row_of_the_table_exists_in_the_newest_sdk(provider: Provider) -> None:
    """A renamed method is noticed; older majors lack some rows."""
    missing: list[str] = []
    for target in provider.targets:
        if (target.module, target.path.rpartition(".")[2]) in LATER:
            continue
        try:
            holder: Any = importlib.import_module(target.module)
            for name in target.path.split("."):
                holder = getattr(holder, name)
        except (ImportError, AttributeError):
            missing.append(f"{target.module}.{target.path}")
    if NEWEST[provider.sdk]:
        assert missing == []
    assert len(missing) <= len(provider.targets) // 4
