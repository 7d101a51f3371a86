"""What a stranger finds in a clone: true commands, no private paths, one version, a page that can be read at once."""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import tomllib

import pytest

import genmeter
from genmeter.cli.main import COMMANDS, parser
from genmeter.settings import VARIABLES
from tests.architecture.tree import PACKAGE, ROOT, TARGETS, tracked

README = (ROOT / "README.md").read_text(encoding="utf-8")
# One letter of each word stands in brackets, or this file would find itself.
PRIVATE = re.compile(
    r"(?<![\w.-])/(wor[k]|tmp/la[b]|roo[t])/"
    r"|pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]|crate[s]\.io|proxy\.golan[g]|repo1?\.mave[n]"
    r"|--(extra-)?index-ur[l]|--find-link[s]\b"
    r"|\bissues (sho[w]|lis[t])\b"
)


def commands_of(text: str) -> list[str]:
    """The lines of shell blocks, and what follows ``$`` in blocks of output."""
    found: list[str] = []
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if (kind in ("sh", "bash", "shell") and line and not line.startswith("#")) or (
                kind in ("", "console", "text") and line.startswith("$ ")
            ):
                found.append(line.removeprefix("$ "))
    return found


def test_readme_is_short():
    assert len(README.splitlines()) <= 160


def test_contributing_fits_on_one_screen():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_that_pages_name_exist(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    options = {command: subparser(command).format_help() for command in COMMANDS}
    for line in commands_of(text):
        for target in re.findall(r"\bmake ([a-z0-9-]+)", line):
            assert target in TARGETS, line
        for command, rest in re.findall(r"\bgenmeter ([a-z]+)((?: (?!-- )[^\s|;&#]+)*)", line):
            assert command in COMMANDS, line
            for option in re.findall(r"(?<=\s)--[a-z-]+", rest):
                assert option in options[command], line
    for target in re.findall(r"`make ([a-z0-9-]+)`", text):
        assert target in TARGETS, target


def subparser(command: str) -> argparse.ArgumentParser:
    """The parser of one command, as ``genmeter COMMAND --help`` shows it."""
    actions = parser([command])._subparsers
    assert actions is not None
    return actions._group_actions[0].choices[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command):
    assert subparser(command).description
    for action in subparser(command)._actions:
        assert action.help, f"genmeter {command} {action.option_strings or action.dest}"


def test_readme_names_every_setting_and_no_other():
    assert set(re.findall(r"GENMETER_[A-Z_]+", README)) == VARIABLES


def test_no_private_path_and_no_registry_address():
    strays: list[str] = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        strays += [f"{path.relative_to(ROOT)}: {found.group()}" for found in PRIVATE.finditer(text)]
    assert strays == []


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"] and project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/genmeter/_version.py"
    assert importlib.metadata.version("genmeter") == genmeter.__version__
    assert f"## [{genmeter.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


def test_every_lock_pins_with_hashes_and_names_no_source():
    locks = sorted((ROOT / ".ci" / "locks").glob("*.txt"))
    assert len(locks) == 16
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        for requirement in re.findall(r"^[a-z0-9].*(?:\n    .*)*", text, re.MULTILINE):
            assert "==" in requirement and "--hash=sha256:" in requirement, f"{lock.name}: {requirement[:60]}"
