"""Checks the JavaScript of the page: its syntax, and its types by TypeScript, which the tool deno contains.

A browser runs the scripts of ``index.html`` one after another in one scope, so they are checked as one text in that
order. An error is shown with the file and line of the script that holds it. ``.ci/page.py FOLDER`` checks another folder.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "src" / "genmeter" / "server" / "page"
OPTIONS = {
    "checkJs": True,
    "strict": True,
    "noImplicitAny": False,  # what comes from the API has no types here
    "useUnknownInCatchVariables": False,
    "noUnusedLocals": True,
    "lib": ["dom", "dom.iterable", "esnext"],
}
SCRIPT = re.compile(r'<script src="([^"]+)"')
PLACE = re.compile(r"file://\S*?/page\.js:(\d+):(\d+)")


def scripts(folder: Path) -> list[Path]:
    """The scripts of the page, in the order in which a browser runs them."""
    named = SCRIPT.findall((folder / "index.html").read_text(encoding="utf-8"))
    unused = {path.name for path in folder.glob("*.js")} - set(named)
    if unused:
        sys.exit(f"{folder}: index.html does not name {', '.join(sorted(unused))}")
    return [folder / name for name in named]


def check(folder: Path) -> int:
    """Print the faults of the scripts; returns 0 if there is none."""
    lines: list[tuple[Path, int]] = []
    texts: list[str] = []
    for path in scripts(folder):
        text = path.read_text(encoding="utf-8").rstrip("\n")
        texts.append(text)
        lines += [(path, number) for number, _ in enumerate(text.split("\n"), 1)]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "page.js").write_text("\n".join(texts) + "\n", encoding="utf-8")
        (scratch / "deno.json").write_text(json.dumps({"compilerOptions": OPTIONS}), encoding="utf-8")
        command = [Path(sys.executable).with_name("deno"), "check", "--quiet", "page.js"]
        quiet = {"NO_COLOR": "1", "DENO_DIR": str(scratch / "cache"), "DENO_NO_UPDATE_CHECK": "1"}
        done = subprocess.run(
            command, cwd=scratch, env={**os.environ, **quiet}, capture_output=True, text=True, check=False
        )

    def place(found: re.Match[str]) -> str:
        path, number = lines[min(int(found[1]), len(lines)) - 1]
        return f"{os.path.relpath(path)}:{number}:{found[2]}"

    if done.returncode:
        print(PLACE.sub(place, done.stderr.partition("\nStack backtrace")[0]), file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1]) if sys.argv[1:] else PAGE))
