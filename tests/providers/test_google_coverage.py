"""What google-genai can be billed for is metered, or waived on the page with a reason; a new method fails."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from genmeter.metering import providers
from genmeter.metering.providers.google import GOOGLE, GOOGLE_INTERACTIONS
from genmeter.metering.spec import Provider

from .sdks import google, google_vertex

pytestmark = pytest.mark.skipif(google.SDK.version is None, reason="google-genai is not installed here")
PAGE = Path(providers.__file__).parent / "README.md"
SENDS = re.compile(
    r"self\._api_client\.(async_)?(request|upload_file|download_file)|websockets?\.|ws_connect|connect\(uri"
)
CALLS = re.compile(r"self\.(_\w+)\(")
MODULES = (
    *("models", "batches", "caches", "documents", "file_search_stores", "files", "live", "live_music", "operations"),
    *("tokens", "tunings"),
)
INNER = (
    "interactions",
    "decisions",
    "agents",
    "credentials",
    "environments",
    "triggers",
    "voices",
    "webhooks",
    "files",
    "auth_tokens",
)


def rows(title: str) -> list[str]:
    """The patterns of one section of the page."""
    section = PAGE.read_text().split(f"\n## {title}\n")[1].partition("\n## ")[0]
    found = re.findall(r"^\| (`.+`) \| .+ \|$", section, re.MULTILINE)
    return [pattern for names in found for pattern in re.findall("`(.+?)`", names)]


def classes(module: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The public classes of a module that have methods, by name."""
    try:
        found = import_module(module)
    except ImportError:  # of another version
        return
    for name, owner in vars(found).items():
        if inspect.isclass(owner) and owner.__module__ == module and not name.startswith("_"):
            yield name, {method: one for method, one in vars(owner).items() if inspect.isfunction(one)}


def sending(module: str) -> Iterator[tuple[str, str, set[str]]]:
    """Public methods that send: class, method, and the private methods by which it sends (itself where it does so itself)."""
    for owner, methods in classes(module):
        direct = {name for name, one in methods.items() if SENDS.search(inspect.getsource(one))}
        for name, one in methods.items():
            through = {name} & direct
            seen, waiting = {name}, [one]
            while waiting:
                for inner in set(CALLS.findall(inspect.getsource(waiting.pop()))) - seen:
                    seen.add(inner)
                    if inner in direct:
                        through.add(inner)
                    elif inner in methods:
                        waiting.append(methods[inner])
            if through and not name.startswith("_"):
                yield owner, name, through


def targets(provider: Provider) -> set[str]:
    return {f"{target.module}.{target.path}" for target in provider.targets}


def test_every_method_that_sends_is_metered_or_waived() -> None:
    known, waived = targets(GOOGLE), rows("google.genai")
    found = [(f"google.genai.{module}", *rest) for module in MODULES for rest in sending(f"google.genai.{module}")]
    assert len(found) > 60, "the SDK's resources were not found"
    for module, owner, method, through in found:
        name = f"{module.removeprefix('google.genai.')}.{owner.removeprefix('Async')}.{method}"
        metered = all(f"{module}.{owner}.{inner}" in known for inner in through)
        assert metered != any(fnmatchcase(name, row) for row in waived), (name, through)


def test_every_method_of_the_inner_client_that_sends_is_metered_or_waived() -> None:
    if not google_vertex.NEW:
        pytest.skip("version 1 has another inner client")
    known, waived = targets(GOOGLE_INTERACTIONS), rows("google.genai.interactions")
    found: list[str] = []
    for part in INNER:
        module = f"google.genai._gaos.{part}"
        for owner, methods in classes(module):
            for method, one in methods.items():
                if not method.startswith("_") and "do_request" in inspect.getsource(one):
                    found.append(name := f"{owner.removeprefix('Async')}.{method}")
                    waiver = any(fnmatchcase(name, row) for row in waived)
                    assert (f"{module}.{owner}.{method}" in known) != waiver, name
    assert len(found) > 40


@pytest.mark.parametrize("provider", [GOOGLE, GOOGLE_INTERACTIONS], ids=lambda provider: provider.sdk)
def test_every_row_of_the_table_exists(provider: Provider) -> None:
    """The inner client of each version has its rows."""
    missing: list[str] = []
    for target in provider.targets:
        held = dict(classes(target.module))
        owner, _, method = target.path.partition(".")
        if held and method not in held.get(owner, {}):
            missing.append(target.path)
    assert missing == []
