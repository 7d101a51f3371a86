"""The files that a forge, a hook or an agent reads are true: what they call and name exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from genmeter.cli.main import COMMANDS
from tests.architecture.tree import ROOT, TARGETS

FORGE = ROOT / ".github"
WORKFLOWS = sorted((FORGE / "workflows").glob("*.yml"))
FORMS = sorted((FORGE / "ISSUE_TEMPLATE").glob("*.yml"))
PAGES = [ROOT / name for name in ("AGENTS.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
PAGES += [FORGE / "pull_request_template.md", *FORMS]


def loaded(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_calls_what_a_person_calls(file: Path) -> None:
    jobs = loaded(file)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    called = [step["run"].split() for step in steps if "run" in step]
    assert called
    for words in called:
        assert words == [".ci/run"] or (words[0] == "make" and words[1:] and set(words[1:]) <= TARGETS), words
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
    assert all("timeout-minutes" in job for job in jobs.values())


def test_the_workflows_pythons_are_those_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {text.rpartition(" ")[2] for text in project["classifiers"] if text.startswith("Programming Language")}
    matrix = loaded(FORGE / "workflows" / "ci.yml")["jobs"]["suite"]["strategy"]["matrix"]["python"]
    assert {"3.11", "3.12", "3.13"} <= set(matrix) <= named


def test_before_a_commit_make_lint_runs() -> None:
    hooks = [hook for repo in loaded(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert [(hook["entry"], hook["language"], hook["pass_filenames"]) for hook in hooks] == [
        ("make lint", "system", False)
    ]


def test_the_page_for_agents_fits_on_one_screen() -> None:
    assert len((ROOT / "AGENTS.md").read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_targets_commands_and_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z0-9-]+)", text)) <= TARGETS
    assert set(re.findall(r"`genmeter ([a-z]+)", text)) <= set(COMMANDS)
    named = [name for name in re.findall(r"`([^`\s]+)`", text) if "/" in name or name.endswith((".py", ".md"))]
    assert [name for name in named if not (ROOT / name).exists() and not (ROOT / "src/genmeter" / name).exists()] == []


def test_the_map_for_agents_names_every_room_of_the_package() -> None:
    rooms = {file.parent.name for file in (ROOT / "src" / "genmeter").glob("*/__init__.py")}
    named = set(re.findall(r"`src/genmeter/(\w+)/`", (ROOT / "AGENTS.md").read_text(encoding="utf-8")))
    assert named == rooms


def test_every_issue_form_asks_for_what_an_answer_needs() -> None:
    asked = {file.stem: {part["id"] for part in loaded(file)["body"] if "id" in part} for file in FORMS}
    assert asked["bug"] >= {"called", "versions"}
    assert asked["price"] >= {"model", "source"}
    assert asked["provider"] >= {"sdk", "call"}
    assert "`genmeter --version`" in (FORGE / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
