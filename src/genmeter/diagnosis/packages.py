"""What is installed beside genmeter: SDKs, other instrumentations, the launcher."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

from genmeter.diagnosis.finding import Finding
from genmeter.metering.coexist import LAUNCHED, RIVALS, SHARING
from genmeter.metering.providers import PROVIDERS

SDKS: Final = {
    "ai21": "ai21",
    "aioboto3": "aioboto3",
    "aiobotocore": "aiobotocore",
    "anthropic": "anthropic",
    "azure-ai-inference": "azure.ai.inference",
    "boto3": "boto3",
    "cerebras-cloud-sdk": "cerebras.cloud.sdk",
    "claude-agent-sdk": "claude_agent_sdk",
    "cohere": "cohere",
    "dashscope": "dashscope",
    "fireworks-ai": "fireworks",
    "google-cloud-aiplatform": "google.cloud.aiplatform_v1",
    "google-genai": "google.genai",
    "google-generativeai": "google.generativeai",
    "groq": "groq",
    "huggingface-hub": "huggingface_hub",
    "ibm-watsonx-ai": "ibm_watsonx_ai",
    "litellm": "litellm",
    "mistralai": "mistralai",
    "ollama": "ollama",
    "openai": "openai",
    "replicate": "replicate",
    "together": "together",
    "voyageai": "voyageai",
    "writer-sdk": "writerai",
    "xai-sdk": "xai_sdk",
    "zai-sdk": "zai",
    "zhipuai": "zhipuai",
}
"""SDKs of model providers by distribution, and the module that each brings. A program may call models through them."""
_WITHIN: Final = {"boto3": "botocore", "aioboto3": "aiobotocore"}
"""SDKs whose calls are made, and metered, in the module of another."""


class Package(NamedTuple):
    """One installed SDK. ``metered``: genmeter has a table of it. ``tested``: the tests run on this major version."""

    name: str
    module: str
    version: str
    metered: bool
    tested: bool


def sdks() -> list[Package]:
    """The SDKs of this environment, by name.

    >>> all(one.name in SDKS for one in sdks())
    True
    """
    found: list[Package] = []
    for name, module in SDKS.items():
        version = installed(name)
        if version:
            found.append(Package(name, module, version, metered(module), _major(version) in _majors(name)))
    return found


def metered(module: str) -> bool:
    """Whether genmeter has a table of the SDK that brings ``module``.

    >>> metered("openai"), metered("google.generativeai")
    (True, False)
    """
    inside = _WITHIN.get(module, module)
    return any(f"{one.module}.".startswith(f"{inside}.") for provider in PROVIDERS for one in provider.targets)


def installed(name: str) -> str:
    """The version of a distribution; empty where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def findings() -> Iterator[Finding]:
    """What the installed packages mean for the bill."""
    yield from _sdks(sdks())
    yield from _others()
    if not launcher():
        yield Finding(
            "warning",
            "no_launcher",
            f"opentelemetry-instrument is not beside {sys.executable}, so a program is metered only where it calls "
            "genmeter.instrument() itself",
            "pip install opentelemetry-instrumentation",
        )


def launcher() -> str | None:
    """The path of ``opentelemetry-instrument`` beside this Python, else on PATH."""
    name = "opentelemetry-instrument"
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _sdks(packages: list[Package]) -> Iterator[Finding]:
    for one in packages:
        if not one.metered:
            yield Finding(
                "warning",
                "sdk_unmetered",
                f"{one.name} {one.version} is installed, and genmeter does not meter it: its calls are in no sum",
                "call the model through a metered SDK, or send the spans of another instrumentation to the collector",
            )
        elif not one.tested:
            versions = ", ".join(_tested().get(one.name, ())) or "none"
            yield Finding(
                "warning",
                "sdk_untested",
                f"{one.name} {one.version} is of a major version that genmeter has not been tested with (tested: {versions})",
                f"compare one call's receipt with the answer's usage, or install a tested version of {one.name}",
            )
    if not packages:
        yield Finding(
            "warning",
            "no_sdk",
            f"no SDK of a model provider is installed for {sys.executable}",
            "run genmeter doctor with the Python of your application",
        )


def _others() -> Iterator[Finding]:
    for tool in RIVALS:
        version = installed(tool.package)
        if not version or tool.package.startswith(SHARING.replace(".", "-")):
            continue
        sdk = tool.package.rpartition("-")[2] if tool.off == LAUNCHED else "openai"
        yield Finding(
            "warning",
            "other_instrumentation",
            f"{tool.package} {version} is installed: where it is on, it wraps the same methods ({tool.patches}), and "
            "genmeter may leave calls to it",
            f"to have genmeter alone meter the calls: {tool.off.format(sdk=sdk)}",
        )


@cache
def _tested() -> Mapping[str, list[str]]:
    return json.loads(Path(__file__).with_name("tested.json").read_text(encoding="utf-8"))


def _majors(name: str) -> set[str]:
    return {_major(version) for version in _tested().get(name, ())}


def _major(version: str) -> str:
    """The part of a version that changes when its maker may break callers: the first number, and below 1 the first two.

    >>> _major("3.57.0"), _major("0.37.1")
    ('3', '0.37')
    """
    parts = re.findall(r"\d+", version)
    return ".".join(parts[:2] if parts[:1] == ["0"] else parts[:1])
