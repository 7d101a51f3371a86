"""Fetches what the compiler reads: wheels through the one pip that the Makefile keeps, and one page where it can be reached."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 20
"""Seconds to wait for a page."""


def today() -> str:
    """The date in UTC."""
    return datetime.now(UTC).date().isoformat()


def wheel(package: str, version: str | None, folder: str) -> Path:
    """The wheel of one version, or of the newest one, without its dependencies."""
    pip = [str(ROOT / ".venvs" / "uv" / "bin" / "python"), "-m", "pip"]
    wanted = f"{package}=={version}" if version else package
    command = [*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, wanted]
    subprocess.run(command, check=True)
    return next(Path(folder).glob(f"{package.replace('-', '_')}-*.whl"))


def page(url: str) -> bytes | None:
    """The content of a page, or None with a line that says why: the compiler can do without it."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError) as error:
        print(f"{url} cannot be read ({error}); the last release counts")
        return None
