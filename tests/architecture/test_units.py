"""The table of billable units is the one place that knows them; all else is written from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import copy as copy_of
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from genmeter import units
from tests.architecture.tree import ROOT


def test_every_file_says_what_the_table_of_units_says() -> None:
    told = subprocess.run([sys.executable, ".ci/units", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "no change\n"), told.stdout + told.stderr


def test_a_total_is_billed_without_its_parts_and_each_part_once() -> None:
    """A part of two totals (audio read from the cache) is taken out of the input once, not twice."""
    usage = units.Usage(
        input=1000, output=100, cache_read=400, cache_write=200, cache_write_1h=50, audio_input=90, audio_output=30,
        audio_cache_read=40, image_input=70, image_cache_read=25, image_output=20,
    )  # fmt: skip
    left = {(line, list(units.COLUMNS)[column]): count for count, (line, column, _) in found(usage)}
    # 1000 - 400 - 200 - (90 - 40) - (70 - 25) = 305 of the input are plain text
    assert left["input", "input"] == 305
    assert left["cache_read", "cache_read"] == 400 - 40 - 25
    assert (left["cache_write", "cache_write"], left["cache_write", "cache_write_1h"]) == (150, 50)
    assert (left["audio_input", "audio_input"], left["audio_cache_read", "audio_cache_read"]) == (50, 40)
    assert (left["image_input", "image_input"], left["image_cache_read", "image_cache_read"]) == (45, 25)
    assert (left["output", "output"], left["audio_output", "audio_output"]) == (50, 30)
    assert sum(left.values()) == 1000 + 100


@pytest.mark.parametrize("unit", units.BEYOND_TEXT)
def test_a_count_beyond_text_is_kept_wherever_it_is_given(unit: str) -> None:
    """By its name at the start or later, and a copy keeps its own; one look tells a call of text from all others."""
    given, later = units.Usage(1000, 100, **{unit: 7}), units.Usage(1000, 100)
    assert later.rare == units.TEXT_ALONE and getattr(later, unit) == 0
    setattr(later, unit, 7)
    other = copy_of(later)
    setattr(other, unit, 8)
    assert given == later != other and given.rare != units.TEXT_ALONE
    assert {name: count for name, count in asdict(later).items() if count} == {"input": 1000, "output": 100, unit: 7}
    assert sum(units.parts(later)) == 7 and replace(given, **{unit: 0}).rare == units.TEXT_ALONE


def found(usage: units.Usage):
    return zip(units.leaves(usage), units.TERMS, strict=True)


TABLE = "src/genmeter/pricing/data/units.json"
COPIED = (".ci/units", ".ci/vectors", "src/genmeter", "src/genaicostprocessor/internal/pricing", "tests/ledger",
          "tests/pricing", "tests/stack", "tests/vectors")  # fmt: skip
HELD = (
    "tests/pricing/test_override_vectors.py",
    "tests/pricing/test_seeded.py::test_no_seller_tier_reason_or_line_is_left_out",
    "tests/ledger/test_migrations.py",
)
SCRATCH = {
    "name": "scratch_seconds", "attribute": "genmeter.usage.scratch_seconds", "also": [], "parents": [], "measure": "scratch",
    "column": "scratch_seconds", "line": "scratch", "label": "Scratch", "words": "seconds of a unit that no table has",
}  # fmt: skip


def copy(folder: Path) -> Path:
    """A throw-away copy of what `make units` reads and writes."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "pyproject.toml", *(ROOT / "tests").glob("*.py")):
        shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    table = json.loads((ROOT / TABLE).read_text("utf-8"))
    edit(table)
    (folder / TABLE).write_text(json.dumps(table), "utf-8")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(folder / "src"), str(folder)))
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)


def test_a_new_unit_is_rows_of_the_table_and_one_command(tmp_path: Path) -> None:
    def add(table: dict[str, Any]) -> None:
        table["measures"]["scratch"] = {"ucum": "s", "per": 3600, "words": "hour", "short": "1 h"}
        table["units"].insert(5, SCRATCH)
        table["lines"].append({"name": "scratch", "label": "Scratch"})

    folder = copy(tmp_path)
    change(folder, add)
    made = run(folder, ".ci/units")
    assert made.returncode == 0, made.stdout + made.stderr
    assert run(folder, ".ci/units", "--check").stdout == "no change\n"
    # 7,200 s are two hours at $0.36 an hour
    asked = (
        "from genmeter.model import Usage; from genmeter.pricing import Catalogue, Question, parse\n"
        "own = parse({'mine': {'m': {'scratch_seconds': '0.36'}}}, 'genmeter.toml', '')\n"
        "question = Question('mine', 'm', None, Usage(0, 0, scratch_seconds=7200), 1_795_000_000)\n"
        "print(Catalogue.bundled().with_overrides(own).price(question).lines)"
    )
    priced = run(folder, "-c", asked)
    assert priced.stdout == "(('scratch', 720000000000),)\n", priced.stderr
    held = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--numprocesses=0", *HELD)
    assert held.returncode == 0, held.stdout + held.stderr


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(tmp_path_factory.mktemp("units"))


def row(**more: Any) -> Callable[[dict[str, Any]], object]:
    return lambda table: table["units"].append(SCRATCH | {"measure": "second", "line": "audio_seconds"} | more)


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda table: table.update(units=[unit for unit in table["units"] if unit["name"] != name])


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "measure": (row(measure="tokens"), "units: scratch_seconds: unknown measure 'tokens'; did you mean 'token'?"),
    "line": (row(line="scratch"), "units: scratch_seconds: unknown line 'scratch'; did you mean 'search'?"),
    "parent": (row(parents=["inputs"]), "units: scratch_seconds: unknown parent 'inputs'; did you mean 'input'?"),
    "key": (row(lable="Scratch"), "units: scratch_seconds: unknown key 'lable'; did you mean 'label'?"),
    "missing": (lambda table: table["units"].append({"name": "x"}), "units: x: the key 'attribute' is missing"),
    "twice": (row(attribute="genmeter.usage.pages"), "units: scratch_seconds: the attribute 'genmeter.usage.pages' stands at pages already"),
    "column": (row(line=None), "units: scratch_seconds: a unit that is billed has both a column and a line"),
    "itself": (row(parents=["scratch_seconds"]), "units: scratch_seconds: is a part of itself; check the parents"),
    "first": (lambda table: table["units"].insert(0, SCRATCH), "units: input, output, cache_read, cache_write stand first; move"),
    "unbilled": (lambda table: table["lines"].append({"name": "scratch", "label": "Scratch"}), "lines: scratch: no unit is billed on it"),
    "gone": (without("search_units"), "lines: search_units: no unit is billed on it"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_table_is_one_sentence_that_names_the_row(scratch: Path, fault: str) -> None:
    edit, sentence = FAULTS[fault]
    change(scratch, edit)
    told = run(scratch, ".ci/units")
    assert (told.returncode, told.stdout) == (1, ""), told.stdout + told.stderr
    assert told.stderr.startswith(f"{TABLE}: {sentence}") and told.stderr.count("\n") == 1, told.stderr
