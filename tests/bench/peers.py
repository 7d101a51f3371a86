"""The peers: how to enable each with message content off, and a process of its own to measure it in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
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


PEERS: dict[str, Callable[[], None]] = {
    "official": _official,
    "openllmetry": _openllmetry,
    "openinference": _openinference,
    "openlit": _openlit,
}
"""Peer → what enables it in its environment, which is made from ``.ci/locks/peer-<peer>.txt``."""


def enable(name: str) -> None:
    """Instrument both SDKs with the global providers."""
    PEERS[name]()


def environment(name: str) -> str:
    """The peer's own Python in ``.venvs/peer-<peer>``, which the Makefile makes where it is absent or out of date."""
    folder = f".venvs/peer-{name}"
    subprocess.run(["make", "--no-print-directory", f"{folder}/.ready"], cwd=ROOT, stdout=sys.stderr, check=True)
    return str(ROOT / folder / "bin" / "python")


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
