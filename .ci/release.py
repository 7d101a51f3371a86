"""Makes a release in this clone: ``python .ci/release.py 1.2.3 -- make packages``. Nothing is pushed.

Sets the version and dates the changelog, runs the command that builds and checks the packages, commits and tags. The
Go module has a tag of its own, named after its folder, as Go asks of a module that is not at the repository's root.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION_FILE = Path("src/genmeter/_version.py")
CHANGELOG = Path("CHANGELOG.md")
MODULE = Path("src/genaicostprocessor")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_STATED = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)
_UNRELEASED = re.compile(r"^## \[[^\]\n]*\] - unreleased$", re.MULTILINE)


class ReleaseError(Exception):
    """Why no release is made, and what to do; nothing has been changed by then, or it has been put back."""


def main(arguments: Sequence[str]) -> int:
    """Release the version that stands before ``--`` with the command behind it; exit 1 with the reason where it cannot be."""
    version, _, *command = [*arguments, "--"] if len(arguments) < 2 else arguments
    try:
        tags = release(version, command)
    except ReleaseError as error:
        print(f"no release: {error}", file=sys.stderr)
        return 1
    print(f"Released {version} in this clone. To publish it: git push origin HEAD {' '.join(tags)}")
    return 0


def release(version: str, command: Sequence[str]) -> tuple[str, str]:
    """Make the release; its two tags."""
    tags = (f"v{version}", f"{MODULE}/v{version}")
    _check(version, tags)
    stated = _edited(VERSION_FILE, _STATED, f'__version__ = "{version}"', 'line __version__ = "..."')
    heading = f"## [{version}] - {datetime.now(UTC):%Y-%m-%d}"
    dated = _edited(CHANGELOG, _UNRELEASED, heading, 'heading "## [...] - unreleased"')
    for file, text in ((VERSION_FILE, stated), (CHANGELOG, dated)):
        (ROOT / file).write_text(text, encoding="utf-8")
    if command and subprocess.run(command, cwd=ROOT, check=False).returncode:
        _git("checkout", "--", str(VERSION_FILE), str(CHANGELOG))
        raise ReleaseError(f"{' '.join(command)} failed; {VERSION_FILE} and {CHANGELOG} are as they were")
    _git("commit", "--quiet", "--message", f"release {version}", "--", str(VERSION_FILE), str(CHANGELOG))
    for tag in tags:
        _git("tag", "--annotate", tag, "--message", f"genmeter {version}")
    return tags


def _check(version: str, tags: Sequence[str]) -> None:
    found = _VERSION.fullmatch(version)
    if not found:
        raise ReleaseError(f"{version!r} is no version; three numbers are needed: make release VERSION=1.2.3")
    now = _STATED.search((ROOT / VERSION_FILE).read_text(encoding="utf-8"))
    if now and _numbers(version) < _numbers(now[1]):
        raise ReleaseError(f"{version} is older than {now[1]}, which {VERSION_FILE} states; choose a newer one")
    major, module = int(found[1]), (ROOT / MODULE / "go.mod").read_text(encoding="utf-8").split()[1]
    if major > 1 and not module.endswith(f"/v{major}"):
        raise ReleaseError(f"Go wants /v{major} at the end of the module's path, which is {module}; change it first")
    if changed := _git("status", "--porcelain"):
        raise ReleaseError(f"the work tree has changes; commit them or put them aside:\n{changed}")
    if taken := [tag for tag in tags if _git("tag", "--list", tag)]:
        raise ReleaseError(f"the tag {taken[0]} exists; choose another version")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _edited(file: Path, pattern: re.Pattern[str], line: str, what: str) -> str:
    text = (ROOT / file).read_text(encoding="utf-8")
    if len(pattern.findall(text)) != 1:
        raise ReleaseError(f"{file} must have one {what}; write it first")
    return pattern.sub(line, text)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
