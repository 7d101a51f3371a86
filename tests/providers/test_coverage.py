"""What the SDKs can be billed for is metered, or waived on a page with a reason; a new method of a new version fails."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from genmeter.metering import providers
from genmeter.metering.families.door import Door
from genmeter.metering.spec import Target
from tests.architecture.tree import ROOT

from .contract import Sdk
from .listed import LISTED, each
from .test_identity import tables_of

PAGE = Path(providers.__file__).parent / "README.md"
LATER = {("openai.resources.beta.responses.responses", "parse")}
"""Twins that the SDK does not have yet."""


def section(title: str) -> str:
    """One section of the page."""
    return PAGE.read_text().split(f"\n## {title}\n")[1].partition("\n## ")[0]


def waived(package: str) -> dict[str, str]:
    """The rows of the page: pattern of methods → why they are not metered."""
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", section(package), re.MULTILINE)
    return {pattern: reason for names, reason in rows for pattern in re.findall("`(.+?)`", names)}


UNLISTED = {"google-cloud-aiplatform"}
"""SDKs that are metered, and that no server of HTTP can answer: each has a test of its own."""


def with_a_door(sdk: Sdk) -> list[Sdk]:
    """SDKs whose clients take any path."""
    return [sdk] if any(isinstance(target, Door) for target in targets(sdk)) else []


def surveyed(sdk: Sdk) -> list[Sdk]:
    """SDKs whose methods can be listed: Stainless's, and those that say where. Others have a test of their own."""
    return [sdk] if sdk.resources or with_a_door(sdk) else []


def sending(sdk: Sdk) -> Iterator[str]:
    """``module.Class.method`` of every public method of the SDK's resources that sends a request."""
    for module in modules(sdk):
        for name, owner in vars(module).items():
            if inspect.isclass(owner) and owner.__module__ == module.__name__ and not name.startswith("_"):
                for method, function in vars(owner).items():
                    if sends(sdk, method, function):
                        yield short(sdk, module.__name__, f"{name}.{method}")


def modules(sdk: Sdk) -> Iterator[Any]:
    """The modules that hold the SDK's resources, with all below each."""
    for name in sdk.resources or (f"{sdk.module}.resources",):
        try:
            root = importlib.import_module(name)
        except ImportError:  # of another generation of the SDK
            continue
        yield root
        for found in pkgutil.walk_packages(getattr(root, "__path__", []), f"{name}."):
            yield importlib.import_module(found.name)


def short(sdk: Sdk, module: str, path: str) -> str:
    """A method in the words of the page."""
    return f"{module}.{path}".removeprefix(f"{sdk.module}.").removeprefix("resources.")


def sends(sdk: Sdk, method: str, function: Any) -> bool:
    """Whether a method sends a request by itself, whatever its verb."""
    if method.startswith("_") or not inspect.isfunction(function):
        return False
    return method == "connect" or re.search(sdk.request, inspect.getsource(function)) is not None


def matches(name: str, pattern: str) -> bool:
    """Whether a row of the page covers a method, or its asynchronous twin."""
    return fnmatchcase(name.replace(".Async", "."), pattern)


def targets(sdk: Sdk) -> list[Target]:
    """The rows of the SDK's tables."""
    return [target for table in tables_of(sdk) for target in table.targets]


def resolved(target: Target) -> Any:
    """What a row of the table names; None where this version has no such thing."""
    try:
        return reduce(getattr, target.path.split("."), importlib.import_module(target.module))
    except (ImportError, AttributeError):
        return None


def metered(sdk: Sdk) -> set[str]:
    """The tables, in the same words."""
    return {short(sdk, target.module, target.path) for target in targets(sdk)} | {
        # `chat.completions` re-exports what `chat.completions.completions` holds
        f"chat.completions.completions.{target.path}"
        for target in targets(sdk)
        if target.module.endswith("chat.completions")
    }


@each(which=surveyed, names="sdk")
def test_every_method_that_sends_a_request_is_metered_or_waived(sdk: Sdk) -> None:
    """A public method of the installed SDK is in the table, or on the page with its reason, and never both."""
    known, rows = metered(sdk), waived(sdk.module)
    found = sorted(sending(sdk))
    assert len(found) >= sdk.sending, "the SDK's resources were not found"
    assert [name for name in found if name not in known and not any(matches(name, row) for row in rows)] == []
    assert [(name, row) for name in found if name in known for row in rows if matches(name, row)] == []


@each(which=surveyed, names="sdk")
def test_every_row_of_the_page_stands_for_a_method(sdk: Sdk) -> None:
    """A row that covers nothing in the newest version says that it is for older ones."""
    found = list(sending(sdk))
    rows = waived(sdk.module)
    idle = [row for row in rows if not any(matches(name, row) for name in found)]
    if sdk.is_newest:
        assert [row for row in idle if "older majors" not in rows[row]] == []


PATH = re.compile(r"self\._(post|get)\(\s*(?:path_template\()?f?\"([^\"]+)\"")


@each(which=with_a_door, names="sdk")
def test_a_metered_method_is_metered_by_its_path_too(sdk: Sdk) -> None:
    """A program that posts to the path of a metered method by itself gets the same dialect."""
    (door,) = [target for target in tables_of(sdk)[0].targets if isinstance(target, Door) and not target.awaited]
    if resolved(door) is None:
        assert not sdk.is_newest, "an older generation has no door"
        return
    paths = 0
    for target in tables_of(sdk)[0].targets:
        method = None if target.door or target.manager else resolved(target)
        sent = PATH.search(inspect.getsource(inspect.unwrap(method))) if method is not None else None
        if sent is None:
            continue  # a method of another version, or one that calls another method
        verb, path = sent.groups()
        options = SimpleNamespace(method=verb, url=path, json_data={}, extra_json=None, params={})
        chosen = door.choose((), {"options": options})
        assert chosen is not None and chosen[0] is target.dialect, (target, path)
        paths += 1
    assert paths >= 2


@each(which=surveyed, names="sdk")
def test_every_row_of_the_table_exists_in_the_newest_sdk(sdk: Sdk) -> None:
    """A renamed method is noticed in the newest version; older ones lack some rows."""
    newest = tables_of(sdk)[0].targets
    missing = [
        f"{target.module}.{target.path}"
        for target in newest
        if resolved(target) is None and (target.module, target.path.rpartition(".")[2]) not in LATER
    ]
    assert missing == [] or not sdk.is_newest
    assert [target for target in targets(sdk) if resolved(target)]


def test_every_sdk_of_the_environments_is_listed_or_waived() -> None:
    """The groups of pyproject.toml name the SDKs; each has a file in ``sdks``, or its reason on the page."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    named = [entry for group in ("sdks-newest", "sdks-oldest") for entry in groups[group] if isinstance(entry, str)]
    packages = {re.split(r"[^A-Za-z0-9-]", entry)[0] for entry in named} - {"coverage", "httpx"}
    later = set(re.findall(r"^\| `([^`]+)` \|", section("Not metered yet"), re.MULTILINE))
    listed = {sdk.distribution for sdk in LISTED}
    assert packages - listed - later <= UNLISTED
    assert listed & later == set()
