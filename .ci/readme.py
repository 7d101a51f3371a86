"""Writes into README.md what its commands really print below their ``$`` lines, and the table of SDKs: ``make readme``.

The demo runs into a ledger of its own, and the report is asked of that ledger.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TABLE = re.compile(r"^\| SDK \| .*\n\|[-|]+\n(?:\|.*\n)+", re.MULTILINE)
BLOCK = re.compile(r"^```text\n\$ (genmeter [^\n]+)\n(.*?)```$", re.MULTILINE | re.DOTALL)


def output(command: str, ledger: str) -> str:
    """What the command prints for a person: a run's receipt is on stderr, all else on stdout."""
    environment = os.environ | {
        "GENMETER_LEDGER": ledger,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    words = shlex.split(command)
    if words[1] == "run":
        words = [sys.executable, "-m", "tests.demo", "--", *words]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    text = done.stderr if "tests.demo" in words else done.stdout
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def with_sdks(text: str) -> str:
    """The page with the table that ``tests/providers/table.py`` makes of the SDKs."""
    words = [sys.executable, "-m", "tests.providers.table"]
    made = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return TABLE.sub(lambda _: made, text)


def renew(text: str) -> str:
    """The page with every block's output made anew."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = str(Path(folder) / "ledger.db")
        return BLOCK.sub(lambda found: f"```text\n$ {found[1]}\n{output(found[1], ledger)}\n```", text)


if __name__ == "__main__":
    README.write_text(with_sdks(renew(README.read_text(encoding="utf-8"))), encoding="utf-8")
