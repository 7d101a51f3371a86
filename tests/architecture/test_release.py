"""A release in a clone: the version in its places, packages of that version, a commit and two tags; or nothing at all."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, tracked

BUILD = (sys.executable, "-m", "hatchling", "build", "--directory", "dist")
MODULE = "github.com/genmeter/genmeter/src/genaicostprocessor"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of its own with what a release touches, as it stands in the work tree."""
    wanted = ("src/genmeter/", "src/genaicostprocessor/go.mod", ".ci/release.py", "pyproject.toml", ".gitignore")
    for file in tracked():
        name = file.relative_to(ROOT).as_posix()
        if name.startswith(wanted) or name in ("README.md", "LICENSE"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(file.read_bytes())
    (tmp_path / "src/genmeter/_version.py").write_text('"""The version."""\n\n__version__ = "0.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [0.1.0] - unreleased\n\n- All of it.\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Ada")
    git(tmp_path, "config", "user.email", "ada@example.com")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "begin")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def release(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ".ci/release.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def untouched(folder: Path) -> bool:
    return git(folder, "log", "--format=%s") == "begin\n" and not git(folder, "tag") and not git(folder, "diff")


def test_a_release_is_a_version_a_date_two_packages_a_commit_and_two_tags(clone: Path) -> None:
    done = release(clone, "0.2.0", "--", *BUILD)
    assert done.returncode == 0, done.stderr
    assert '__version__ = "0.2.0"\n' in (clone / "src/genmeter/_version.py").read_text()
    assert f"\n## [0.2.0] - {datetime.now(UTC):%Y-%m-%d}\n" in (clone / "CHANGELOG.md").read_text()
    packages = sorted(file.name for file in (clone / "dist").iterdir())
    assert packages == ["genmeter-0.2.0-py3-none-any.whl", "genmeter-0.2.0.tar.gz"]
    assert git(clone, "log", "--format=%s") == "release 0.2.0\nbegin\n"
    assert git(clone, "tag").split() == ["src/genaicostprocessor/v0.2.0", "v0.2.0"]
    assert git(clone, "rev-parse", "v0.2.0^{}") == git(clone, "rev-parse", "HEAD")
    assert not git(clone, "status", "--porcelain")
    assert "git push origin HEAD v0.2.0 src/genaicostprocessor/v0.2.0" in done.stdout


@pytest.mark.parametrize(
    ("version", "words"),
    [
        *((wrong, "make release VERSION=1.2.3") for wrong in ("", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3rc1")),
        ("0.0.9", "older than 0.1.0"),
        ("2.0.0", f"Go wants /v2 at the end of the module's path, which is {MODULE}"),
    ],
)
def test_a_version_that_cannot_be_is_refused_with_the_reason(clone: Path, version: str, words: str) -> None:
    done = release(clone, version, "--", "true")
    assert done.returncode == 1 and words in done.stderr
    assert untouched(clone)


def test_changes_that_are_not_committed_are_named(clone: Path) -> None:
    (clone / "LICENSE").write_text("mine")
    done = release(clone, "0.2.0", "--", "true")
    assert done.returncode == 1 and "the work tree has changes" in done.stderr and "LICENSE" in done.stderr


def test_a_second_release_needs_another_version_and_something_to_tell(clone: Path) -> None:
    assert release(clone, "0.2.0", "--", "true").returncode == 0
    assert "the tag v0.2.0 exists" in release(clone, "0.2.0", "--", "true").stderr
    assert 'CHANGELOG.md must have one heading "## [...] - unreleased"' in release(clone, "0.3.0", "--", "true").stderr


def test_packages_that_fail_leave_everything_as_it_was(clone: Path) -> None:
    done = release(clone, "0.2.0", "--", "false")
    assert done.returncode == 1 and "false failed" in done.stderr
    assert untouched(clone)


def test_the_go_module_can_be_fetched_from_the_repository_that_the_package_names() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    places = re.findall(r'^Repository = "https://(.*)"$', project, re.MULTILINE)
    module = (ROOT / "src/genaicostprocessor/go.mod").read_text(encoding="utf-8").split()[1]
    assert [module] == [f"{place}/src/genaicostprocessor" for place in places] == [MODULE]
