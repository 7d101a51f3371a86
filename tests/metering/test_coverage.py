"""What the SDKs can be billed for is metered, or waived on a page with a reason; a new method of a new version fails."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from genmeter.metering import providers
from genmeter.metering.providers import PROVIDERS
from genmeter.metering.spec import Provider

from .sdk import ANTHROPIC, INSTALLED, OPENAI

PAGE = Path(providers.__file__).parent / "README.md"


def waived(package: str) -> dict[str, str]:
    """The rows of the page: pattern of methods → why they are not metered."""
    section = PAGE.read_text().split(f"\n## {package}\n")[1].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", section, re.MULTILINE)
    return {pattern: reason for names, reason in rows for pattern in re.findall("`(.+?)`", names)}


LATER = {("openai.resources.beta.responses.responses", "parse")}
"""Twins that the SDK does not have yet."""
NEWEST = {"openai": OPENAI >= (3, 54), "anthropic": ANTHROPIC >= (2, 0), "groq": True}
SENDING = {"openai": 20, "anthropic": 20, "groq": 12}
"""So many methods send something at least; fewer mean that the SDK's resources were not found."""
HERE = [provider for provider in PROVIDERS if INSTALLED.get(provider.sdk)]


REQUEST = re.compile(r"self\._(client\.)?(post|get|put|patch|delete|request|get_api_list)\(|websockets?\.")
"""How a method of a resource sends a request by itself, or holds a line open."""


def sending(package: str) -> Iterator[str]:
    """``module.Class.method`` of every public resource method that sends a request."""
    root = importlib.import_module(f"{package}.resources")
    for found in pkgutil.walk_packages(root.__path__, f"{package}.resources."):
        module = importlib.import_module(found.name)
        for name, owner in vars(module).items():
            if inspect.isclass(owner) and owner.__module__ == found.name and not name.startswith("_"):
                for method, function in vars(owner).items():
                    if sends(method, function):
                        yield f"{found.name.removeprefix(f'{package}.resources.')}.{name}.{method}"


def sends(method: str, function: Any) -> bool:
    """Whether a method sends a request by itself, whatever its verb."""
    if method.startswith("_") or not inspect.isfunction(function):
        return False
    return method == "connect" or REQUEST.search(inspect.getsource(function)) is not None


def matches(name: str, pattern: str) -> bool:
    """Whether a row of the page covers a method, or its asynchronous twin."""
    return fnmatchcase(name.replace(".Async", "."), pattern)


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
def test_every_method_that_sends_a_request_is_metered_or_waived(provider: Provider) -> None:
    """A public method of the installed SDK is in the table, or on the page with its reason, and never both."""
    known, rows = metered(provider), waived(provider.sdk)
    found = sorted(sending(provider.sdk))
    assert len(found) >= SENDING[provider.sdk], "the SDK's resources were not found"
    assert [name for name in found if name not in known and not any(matches(name, row) for row in rows)] == []
    assert [(name, row) for name in found if name in known for row in rows if matches(name, row)] == []


@pytest.mark.parametrize("provider", HERE, ids=lambda provider: provider.sdk)
def test_every_row_of_the_page_stands_for_a_method(provider: Provider) -> None:
    """A row that covers nothing in the newest major says that it is for older ones."""
    found = list(sending(provider.sdk))
    idle = [row for row in waived(provider.sdk) if not any(matches(name, row) for name in found)]
    if NEWEST[provider.sdk]:
        assert [row for row in idle if "older majors" not in waived(provider.sdk)[row]] == []
    assert len(idle) < len(waived(provider.sdk))


PATH = re.compile(r"self\._(post|get)\(\s*(?:path_template\()?f?\"([^\"]+)\"")


@pytest.mark.parametrize("provider", HERE, ids=lambda provider: provider.sdk)
def test_a_metered_method_is_metered_by_its_path_too(provider: Provider) -> None:
    """A program that posts to the path of a metered method by itself gets the same dialect."""
    (door,) = [target for target in provider.targets if target.door and not target.awaited]
    paths = 0
    for target in provider.targets:
        method = None if target.door or target.manager else resolved(target.module, target.path)
        sent = PATH.search(inspect.getsource(inspect.unwrap(method))) if method is not None else None
        if sent is None:
            continue  # a method of another version, or one that calls another method
        verb, path = sent.groups()
        options = SimpleNamespace(method=verb, url=path, json_data={}, extra_json=None, params={})
        chosen = door.choose((), {"options": options})
        assert chosen is not None and chosen[0] is target.dialect, (target, path)
        paths += 1
    assert paths >= 5 if provider.sdk != "anthropic" else paths >= 2


def resolved(module: str, path: str) -> Any:
    """What a row of the table names; None where this version has no such thing."""
    try:
        return reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return None


@pytest.mark.parametrize("provider", HERE, ids=lambda provider: provider.sdk)
def test_every_row_of_the_table_exists_in_the_newest_sdk(provider: Provider) -> None:
    """A renamed method is noticed; older majors lack some rows."""
    missing: list[str] = []
    for target in provider.targets:
        if (target.module, target.path.rpartition(".")[2]) in LATER:
            continue
        if resolved(target.module, target.path) is None:
            missing.append(f"{target.module}.{target.path}")
    if NEWEST[provider.sdk]:
        assert missing == []
    assert len(missing) <= len(provider.targets) // 4
