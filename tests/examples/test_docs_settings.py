"""``docs/settings.md`` has each table, key and variable that the code reads, with the default that counts."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genmeter import GenmeterError, budgets, settings
from genmeter.pricing import catalogue_for
from genmeter.reports import terms
from genmeter.settings import Settings
from tests.examples.pages import DOCS, ROOT, block, blocks, read

pytestmark = pytest.mark.any_major("no SDK is used")

PAGE = ROOT / "docs" / "settings.md"
FOREIGN = {"chargeback.md": ("legal",)}
"""Tables in blocks of other files than ``genmeter.toml``, by page."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in ("users.key", "baggage.key"):
        (tmp_path / file).write_bytes(bytes(range(32)))
    return tmp_path


def loaded(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a file, after every part of it has been checked."""
    monkeypatch.chdir(folder)
    (folder / "genmeter.toml").write_text(text, encoding="utf-8")
    found = Settings.load({})
    catalogue_for(found.prices)
    budgets.budgets_of(found)
    terms.terms_of(found.chargeback)
    return found


def test_the_file_of_defaults_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(folder, block("settings.md", "defaults.toml"), monkeypatch) == Settings()


def keys(table: dict[str, Any], prefix: str = "") -> set[str]:
    """The dotted keys of a file, without what the user names."""
    found: set[str] = set()
    for name, value in table.items():
        if prefix == "" and isinstance(value, dict):
            found |= {f"{name}.{key}" for key in value}
        else:
            found.add(name)
    return found


def test_every_key_that_the_code_reads_is_in_one_of_the_two_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [tomllib.loads(block("settings.md", name)) for name in ("defaults.toml", "everything.toml")]
    loaded(folder, block("settings.md", "everything.toml"), monkeypatch)
    told = set().union(*(keys(one) for one in both))
    known = {one.key for one in settings._EVERY if one.key}
    assert {key for key in told if key.partition(".")[0] not in settings._FREE} == known
    whole = both[1]
    assert set(settings._FREE) <= set(whole)
    assert set().union(*whole["budgets"].values()) == set(budgets.KEYS)
    assert set(whole["chargeback"]) == {*terms._OWN, *terms._TABLES}
    for kind, known_keys in terms._TABLES.items():
        common = {"where", "from", "until"}
        told_keys = set().union(*whole["chargeback"][kind]) | common
        assert told_keys | {"amount", "currency"} >= set(known_keys), kind


def test_the_defaults_of_a_budget_are_those_that_the_file_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = block("settings.md", "everything.toml").partition("[budgets.support]")[2].partition("[budgets.shared]")[0]
    text = f"[budgets.support]{whole}\n[budgets.short]\namount = '250.00'\nperiod = 'month'\nscope = {{ department = 'support' }}\n"
    full, short = budgets.budgets_of(loaded(folder, text, monkeypatch))
    assert replace(full, id="short") == short


def test_every_variable_has_a_row_with_its_key_and_its_default() -> None:
    part = read(PAGE).split("## Variables")[1].split("OpenTelemetry's own variables")[0]
    rows = {
        row[0]: row[1:] for row in re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \| (.+?) \| .+ \|$", part, re.MULTILINE)
    }
    known = {one.variable: one for one in settings._EVERY}
    assert set(rows) == settings.VARIABLES | set(known)
    usual, without = Settings(), Settings.load({})
    for name, (key, default) in rows.items():
        one = known.get(name)
        if one is None:
            assert key == ("`[sellers]`" if name == "GENMETER_SELLERS" else "no key"), name
            continue
        assert key == (f"`{one.key}`" if one.key else "no key"), name
        now = getattr(usual, one.field, None)
        if default == "none":
            assert not now, name
        else:
            assert one.read(default.strip("`")) == now == getattr(without, one.field), name


def test_each_variable_of_opentelemetry_is_one() -> None:
    from genmeter.diagnosis.configuration import _known

    told = set(
        re.findall(r"^\| `(OTEL_[A-Z_]+)` \|", read(PAGE).split("OpenTelemetry's own variables")[1], re.MULTILINE)
    )
    assert told and told <= _known()


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_file_of_settings_that_a_page_shows_is_taken(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, file, text in blocks(page):
        if kind != "toml" or any(name in FOREIGN.get(page.name, ()) for name in tomllib.loads(text)):
            continue
        if file in ("broken.toml", "wrong.toml"):
            with pytest.raises(GenmeterError, match="genmeter.toml:"):
                loaded(folder, text, monkeypatch)
        else:
            loaded(folder, text, monkeypatch)
