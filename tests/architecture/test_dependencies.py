"""What src imports is declared, and nothing else; the lower bounds and the Pythons that are named are those tested."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from runpy import run_path

import pytest

from tests.architecture.tree import ROOT, imports, modules, tracked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = {re.match(r"[\w.-]+", one)[0]: one for one in PROJECT["dependencies"]}
NAMED = re.findall(r"(?<=:: )3\.\d+\b", "\n".join(PROJECT["classifiers"]))
NAMED = re.findall(r"(?<=:: )3\.\d+\b", "\n".join(PROJECT["classifiers"]))
LOADED_BY_NAME = {"opentelemetry-exporter-otlp"}
"""OpenTelemetry's SDK finds it by its entry points: OTEL_TRACES_EXPORTER=otlp."""
COMES_ALONG = {"grpcio"}
"""The exporter brings it; where it is missing, the service says that OTLP over gRPC is off."""


@cache
def owners() -> dict[str, str]:
    """Every installed file → the distribution that brought it; top-level names tell too little of ``opentelemetry``."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name, folder = distribution.name, str(distribution.locate_file(""))
        files = (distribution.read_text("RECORD") or "").splitlines()
        found |= {f"{folder}/{line.split(',')[0]}": name for line in files}
    return found


def owner(target: str) -> str:
    """The distribution of an imported name; of ``package.module.name`` the part that is a module."""
    while target:
        try:
            found = importlib.util.find_spec(target)
        except ModuleNotFoundError:
            found = None
        if found and found.origin:
            return owners()[found.origin]
        target = target.rpartition(".")[0]
    pytest.fail("no such module")


def test_what_src_imports_is_declared_and_what_is_declared_is_imported():
    foreign = {
        target
        for name in modules()
        for target, _ in imports(name)
        if target.split(".")[0] not in {"genmeter", *sys.stdlib_module_names}
    }
    assert ({owner(target) for target in foreign} - COMES_ALONG) | LOADED_BY_NAME == set(DECLARED)


def test_every_lower_bound_is_the_version_that_is_tested():
    lock = (ROOT / ".ci" / "locks" / "lowest.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock, re.MULTILINE))
    for name, requirement in DECLARED.items():
        bound = requirement.split(">=")[1].strip()
        assert pinned[name] in (bound, f"{bound}.0"), requirement


def test_the_pythons_that_are_named_are_those_that_the_tests_look_for():
    looked_for = run_path(str(ROOT / ".ci" / "pythons.py"))["SUPPORTED"]
    assert set(NAMED) <= set(looked_for)
    assert PROJECT["requires-python"] == f">={min(looked_for, key=lambda one: int(one[2:]))}"
    assert "{}.{}".format(*sys.version_info) in NAMED


def test_readme_tells_what_comes_along():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = readme.split("`pip install .` brings")[1].split("Then either")[0]
    assert {f"opentelemetry{one}" if one[0] == "-" else one for one in re.findall("`(.+?)`", told)} == set(DECLARED)


def test_readme_and_classifiers_name_the_same_pythons():
    told = re.search(r"Python (3\.\d+(?:, 3\.\d+)*) or (3\.\d+)\.", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [*told[1].split(", "), told[2]] == sorted(NAMED)


def test_no_command_of_ours_resolves_dependencies():
    commands = [
        f"{file.relative_to(ROOT)}: {command}"
        for file in tracked()
        if file.name in ("Makefile", "Dockerfile") or (file.suffix == ".py" and file != Path(__file__))
        for command in re.findall(r"\bpip\b.{0,20}\b(?:install|download)\b.*(?:\n.*)?", file.read_text("utf-8"))
    ]
    told_to_users = ("src/genmeter/cli/", "src/genmeter/diagnosis/", "tests/cli/")
    commands = [one for one in commands if not one.startswith(told_to_users)]
    assert len(commands) >= 7
    assert [one for one in commands if not re.search("--no-deps|--dry-run --no-index", one)] == []
