"""The stub as a program."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from openai import OpenAI

from .sdk import HELLO

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("options", [[], ["--demo", "--delay", "0", "--gap", "0.001"]])
def test_serves_until_terminated(options: list[str]) -> None:
    command = [sys.executable, "-m", "tests.stub", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        url = process.stdout.readline().strip()
        with OpenAI(base_url=f"{url}/v1", api_key="k") as client:
            usages = [client.chat.completions.create(model="gpt-4o", messages=HELLO).usage for _ in range(3)]
            assert list(client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0 and process.stderr.read() == ""
    totals = {usage.total_tokens for usage in usages if usage}
    assert len(totals) == (3 if options else 1)
