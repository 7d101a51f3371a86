"""One place spells the dotted names, and ``tests/vectors/names.json`` holds the same list for every language."""

from __future__ import annotations

import ast
import json
import re

import pytest

from genmeter import names
from tests.architecture.tree import PACKAGE, ROOT, docstrings, modules

VECTORS = json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))
NAMED = [*VECTORS["attributes"], *VECTORS["events"], *VECTORS["metrics"], *VECTORS["ledger_metrics"]]

SPELLED = re.compile(
    r"(gen_ai|genmeter|openai\.(api|request|response)|server|user|session|error|exception|service|vcs"
    r"|deployment\.environment|aws\.bedrock)\.[a-z][a-z0-9_.]*"
)
EXCEPTIONS = {
    "genmeter.toml": "the name of the settings file",
}
"""Literals that look like a name and are none, with the reason. Modules of genmeter are told by their file."""


def is_module(literal: str) -> bool:
    path = PACKAGE.joinpath(*literal.split(".")[1:])
    return literal.startswith("genmeter.") and (path.is_dir() or path.with_suffix(".py").is_file())


def constants() -> dict[str, str]:
    """Every constant of names.py that spells a dotted name; lines of a bill as ``COST_LINES[kind]``."""
    spelled = {key: value for key, value in vars(names).items() if key.isupper() and isinstance(value, str)}
    found = {key: value for key, value in spelled.items() if SPELLED.fullmatch(value)}
    return found | {f"COST_LINES[{kind}]": name for kind, name in names.COST_LINES.items()}


@pytest.mark.parametrize("name", [name for name in modules() if name not in ("names", "units")])
def test_nothing_outside_names_spells_a_dotted_name(name):
    tree = modules()[name]
    said = docstrings(tree)
    spelled = [
        f"line {node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in said
        and SPELLED.fullmatch(node.value.rstrip("=:"))
        and node.value not in EXCEPTIONS
        and not is_module(node.value)
    ]
    assert spelled == []


def test_names_and_vectors_are_equal():
    assert {row["constant"]: row["name"] for row in NAMED} == constants()
    assert VECTORS["schema_url"] == names.SCHEMA_URL


def test_names_are_unique():
    spelled = [row["name"] for row in NAMED]
    assert sorted(spelled) == sorted(set(spelled))


def test_metrics_have_their_units_and_only_known_labels():
    assert {row["name"]: row["unit"] for row in VECTORS["metrics"]} == names.UNITS
    assert {row["name"]: row["unit"] for row in VECTORS["ledger_metrics"]} == names.LEDGER_UNITS
    attributes = {row["name"] for row in VECTORS["attributes"]}
    for row in VECTORS["metrics"]:
        assert set(row["labels"]) <= attributes, row["name"]
        assert not {names.USER_ID, names.SESSION_ID} & set(row["labels"]), row["name"]


def test_closed_lists_are_equal():
    closed = VECTORS["closed_lists"]
    assert tuple(closed["cost_kinds"]) == names.COST_KINDS
    assert tuple(closed["cost_sources"]) == names.COST_SOURCES
    assert tuple(closed["cost_statuses"]) == names.COST_STATUSES
    assert tuple(closed["unpriced_reasons"]) == names.UNPRICED_REASONS
    assert set(closed["operations"]) > set(names.BILLED_OPERATIONS)


def test_every_row_says_where_its_name_comes_from():
    for row in NAMED:
        assert row["stability"] in ("stable", "development")
        ours = row["name"].startswith("genmeter.")
        assert row["source"] in (("genmeter",) if ours else ("convention", "proposal")), row["name"]


def test_no_deprecated_name_is_among_them():
    assert set(VECTORS["deprecated"]) & {row["name"] for row in NAMED} == set()
    assert not [row["name"] for row in NAMED if row["name"].startswith("gen_ai.openai.")]
