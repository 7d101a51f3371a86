"""Writes into README.md and the pages of ``docs/`` what their commands really print, and their tables: ``make readme``.

Each page is acted out in an empty folder of its own, beside loopback providers and with a ledger of its own:

- a block whose first line is, for example, ``python app.py`` or ``toml genmeter.toml`` is written to that file;
- a block of ``text`` whose first line is ``$ COMMAND`` shows what the command prints;
- what stands between ``<!-- begin: NAME -->`` and ``<!-- end -->`` is made by ``reference.py``.

Words that differ from run to run (times, ids, ports, paths) are left out of every comparison, and a block that differs in
nothing else stays as it is. ``tests/examples/test_docs.py`` acts the pages out by the same functions.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import reference  # noqa: E402

from tests.demo import providers  # noqa: E402
from tests.demo.__main__ import variables  # noqa: E402

README = ROOT / "README.md"
TABLE = re.compile(r"^\| SDK \| .*\n\|[-|]+\n(?:\|.*\n)+", re.MULTILINE)
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PART = re.compile(r"(?<=^<!-- begin: )(\w+)( -->\n).*?(?=^<!-- end -->)", re.MULTILINE | re.DOTALL)
_SDK = re.compile(r"^\S+ +\d[\w.]+ +(yes|NO) +(yes|no)$", re.MULTILINE)
"""A row of the doctor's table of SDKs, which depends on the environment."""
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\b(u-)?[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"process \d+"), "PROCESS"),
    (re.compile(r"\(/[^)]*\)"), "(PATH)"),
    (re.compile(r"(?<![\w.])/[\w./-]+"), "PATH"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "VERSION"),
    (re.compile(r"\d+(\.\d+)? m?s\b"), "TIME"),
    (re.compile(r"\d{4}\.\d\d\.\d\d\+\S+"), "CATALOGUE"),
    (re.compile(r"\b\d{4}-\d\d(-\d\d)?\b"), "DATE"),
    (re.compile(r"[-─]{3,}"), "---"),
)


def settled(text: str) -> str:
    """The text without what differs from run to run: blanks, times, ids, ports, paths, versions.

    >>> settled("latency p50    268 ms  p95 611 ms")
    'latency p50 TIME p95 TIME'
    """
    text = " ".join(_SDK.sub("", text).split())
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def pages() -> list[Path]:
    """README.md and the pages of ``docs/``."""
    return [README, *sorted((ROOT / "docs").glob("*.md"))]


def acted(page: Path, text: str, pace: float = 1.0) -> str:
    """The page with the output of its commands made anew. ``pace`` 0: the providers answer at once."""
    if "```text\n$ " not in text:
        return text
    with tempfile.TemporaryDirectory() as name, providers(gap=0.02 * pace, delay=0.12 * pace) as stub:
        folder = ROOT if page == README else Path(name)
        own = {
            key: value for key, value in os.environ.items() if not key.startswith(("GENMETER_", "OTEL_", "PYTHONPATH"))
        }
        key = Path(name) / "user.key"
        key.write_bytes(bytes(range(32)))
        environment = (
            own
            | variables(stub)
            | {
                "GENMETER_LEDGER": str(Path(name) / "first.db"),
                "GENMETER_USER_KEY_FILE": str(key),
                "PATH": f"{Path(sys.executable).parent}:{own['PATH']}",
                "XDG_STATE_HOME": name,
                "COLUMNS": str(reference.WIDTH),
            }
        )
        return BLOCK.sub(lambda found: _block(found, folder, environment), text)


def _block(found: re.Match[str], folder: Path, environment: Mapping[str, str]) -> str:
    """One block: its file written, or its output made anew; else as it is."""
    kind, _, file = found[1].partition(" ")
    if file:
        (folder / file).write_text(found[2], encoding="utf-8")
    if kind != "text" or not found[2].startswith("$ "):
        return found[0]
    first, _, shown = found[2].partition("\n")
    printed = output(first.removeprefix("$ "), folder, environment)
    return found[0] if settled(printed) == settled(shown) else f"```{found[1]}\n{first}\n{printed}\n```"


def output(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What the command prints for a person: of a run the receipt alone, of another command first stdout and then stderr."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    text = done.stderr if "genmeter run " in command else f"{done.stdout}\n{done.stderr}"
    text = text.replace(str(Path(sys.executable).parent), "/home/ada/app/.venv/bin")
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def with_sdks(text: str) -> str:
    """The page with the table that ``tests/providers/table.py`` makes of the SDKs."""
    words = [sys.executable, "-m", "tests.providers.table"]
    made = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return TABLE.sub(lambda _: made, text)


def with_parts(text: str) -> str:
    """The page with the parts that ``reference.py`` makes of the code."""
    return PART.sub(lambda found: f"{found[1]}{found[2]}\n{reference.PARTS[found[1]]()}\n", text)


if __name__ == "__main__":
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = acted(page, with_parts(old))
        page.write_text(with_sdks(new) if page == README else new, encoding="utf-8")
