"""``python -m tests.demo -- COMMAND ...``: runs a command beside loopback providers, with the SDKs pointed at them.

Nobody sells at a loopback address, so the sellers are named as a user would name those behind a gateway.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

from tests.demo import providers
from tests.stub import StubServer


def variables(stub: StubServer) -> dict[str, str]:
    """What the SDKs and genmeter need to know of the loopback providers."""
    address = stub.url.removeprefix("http://")
    return {
        "OPENAI_BASE_URL": stub.openai_url,
        "OPENAI_API_KEY": "sk-demo",
        "ANTHROPIC_BASE_URL": stub.anthropic_url,
        "ANTHROPIC_API_KEY": "sk-demo",
        "GENMETER_SELLERS": f"{address}/v1=openai,{address}=anthropic",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def main() -> int:
    """Serve, run the command, and exit with its code."""
    command = sys.argv[1:]
    command = command[1:] if command[:1] == ["--"] else command
    with providers(gap=0.02, delay=0.12) as stub, TemporaryDirectory() as folder:
        key = Path(folder) / "user.key"
        key.write_bytes(token_bytes(32))
        added = {"GENMETER_USER_KEY_FILE": str(key), **os.environ, **variables(stub)}
        print(
            "\nLoopback providers speak OpenAI's and Anthropic's wire formats; the app finds them by its environment:"
        )
        for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GENMETER_SELLERS"):
            print(f"  {name}={added[name]}")
        print(f"\n$ {' '.join(command)}\n", flush=True)
        return subprocess.run(command, env=added, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
