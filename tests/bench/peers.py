"""The peers: what to install, how to enable each with message content off, and a process of its own to measure it in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NEWEST = ("openai==3.54.0", "anthropic==2.12.0", "opentelemetry-sdk==1.45.2")
PEERS: dict[str, tuple[str, ...]] = {
    "official": (
        *NEWEST,
        "opentelemetry-instrumentation-genai-openai==1.3b0",
        "opentelemetry-instrumentation-genai-anthropic==1.3b0",
    ),
    "openllmetry": (
        *NEWEST,
        "opentelemetry-instrumentation-openai==0.62.4",
        "opentelemetry-instrumentation-anthropic==0.62.4",
    ),
    "openinference": (
        *NEWEST,
        "openinference-instrumentation-openai==0.1.66",
        "openinference-instrumentation-anthropic==3.1.0",
    ),
    # It refuses the newest majors of both SDKs.
    "openlit": ("openlit==1.45.0", "openai==2.54.0", "anthropic==0.125.0", "opentelemetry-sdk==1.45.1"),
}
"""Peer → what its environment holds."""
CONTENT_OFF = {
    "ANTHROPIC_OPEN_TELEMETRY": "false",
    "TRACELOOP_TRACE_CONTENT": "false",
    "TRACELOOP_TELEMETRY": "false",
    "OPENINFERENCE_HIDE_INPUTS": "true",
    "OPENINFERENCE_HIDE_OUTPUTS": "true",
}


def _official() -> None:
    from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor  # pyright: ignore[reportMissingImports]
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor  # pyright: ignore[reportMissingImports]

    OpenAIInstrumentor().instrument()
    AnthropicInstrumentor().instrument()


def _openllmetry() -> None:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor  # pyright: ignore[reportMissingImports]
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor  # pyright: ignore[reportMissingImports]

    OpenAIInstrumentor().instrument()
    AnthropicInstrumentor().instrument()


def _openinference() -> None:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor  # pyright: ignore[reportMissingImports]
    from openinference.instrumentation.openai import OpenAIInstrumentor  # pyright: ignore[reportMissingImports]

    OpenAIInstrumentor().instrument()
    AnthropicInstrumentor().instrument()


def _openlit() -> None:
    import openlit  # pyright: ignore[reportMissingImports]
    from openlit._instrumentors import MODULE_NAME_MAP  # pyright: ignore[reportMissingImports]

    # Its prices come from GitHub at start-up unless they are in a file.
    prices = Path(sys.prefix) / "bench-prices.json"
    prices.write_text('{"chat": {"gpt-4o": {"promptPrice": 0.0025, "completionPrice": 0.01}}, "embeddings": {}}')
    others = [name for name in MODULE_NAME_MAP if name not in ("openai", "anthropic")]
    openlit.init(capture_message_content=False, disabled_instrumentors=others, pricing_json=str(prices))


ENABLE: dict[str, Callable[[], None]] = {
    "official": _official,
    "openllmetry": _openllmetry,
    "openinference": _openinference,
    "openlit": _openlit,
}


def enable(name: str) -> None:
    """Instrument both SDKs with the global providers."""
    ENABLE[name]()


def environment(name: str) -> str:
    """The peer's own Python, made with pip under ``.cache/bench-<peer>`` when it is not there or not the same."""
    folder = ROOT / ".cache" / f"bench-{name}"
    python, stamp = folder / "bin" / "python", folder / "bench-pins.txt"
    pins = "\n".join(PEERS[name])
    if not stamp.exists() or stamp.read_text() != pins:
        print(f"installing {name} into {folder} …", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[name]]
        subprocess.run(command, check=True)
        stamp.write_text(pins)
    return str(python)


def measure(name: str, python: str, scenarios: Sequence[str], seconds: float, rounds: int) -> dict[str, Any]:
    """``measured``: scenario → blocks of the peer and of the bare SDK in its process; ``emits``: what a call exports."""
    command = [python, "-m", "tests.bench.worker", name, ",".join(scenarios), str(seconds), str(rounds)]
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    surroundings = {**clean, **CONTENT_OFF}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=surroundings)
    if done.returncode:
        raise RuntimeError(f"{name} could not be measured: {(done.stderr.splitlines() or ['?'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
