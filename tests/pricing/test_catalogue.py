"""The bundled file: valid, whole, from where it says, and the same bytes every time it is compiled."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from genmeter.model import Cost, Usage
from genmeter.pricing import Catalogue, Question
from genmeter.pricing.charge import choose

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src" / "genmeter" / "pricing" / "data"
COMPILER = ROOT / ".ci" / "prices"
FILE: dict[str, Any] = json.loads((DATA / "catalogue.json").read_text("utf-8"))
NOVEMBER = 1_795_000_000


def test_the_file_is_valid_by_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema, which is in the development lock")
    jsonschema.Draft202012Validator(json.loads((DATA / "schema.json").read_text("utf-8"))).validate(FILE)


def test_no_number_points_outside_the_file() -> None:
    for seller, face in FILE["sellers"].items():
        assert all(0 <= index < len(FILE["models"]) for index in face["ids"].values()), seller
        assert set(face["dated"]) <= face["ids"].keys(), seller
        assert set(face.get("also", ())) <= FILE["sellers"].keys()
    for model in FILE["models"]:
        plans = [model[1]] * (model[1] != "free") + list(model[2].values() if len(model) > 2 else ())
        assert all(0 <= plan < len(FILE["plans"]) for plan in plans), model
    for plan in FILE["plans"]:
        starts = [period.get("from", "") for period in plan]
        assert starts == sorted(set(starts))
        for period in plan:
            for rows in (period["rows"], *(window["rows"] for window in period.get("windows", ()))):
                assert rows[0][0] == 0 and [over for over, _ in rows] == sorted({over for over, _ in rows})


def test_every_listed_name_resolves_to_its_own_model() -> None:
    catalogue = Catalogue.bundled()
    for seller, face in FILE["sellers"].items():
        for name, index in face["ids"].items():
            result = catalogue.price(Question(seller, name, name, Usage(1, 1), NOVEMBER))
            entry = result.entry if isinstance(result, Cost) else result.detail
            if isinstance(result, Cost) or result.reason == "unpriced_dimension":
                assert f"{seller}/{FILE['models'][index][0]}" in entry, name


def test_a_zero_price_is_stated_as_free_and_never_a_row_of_zeros() -> None:
    for plan in FILE["plans"]:
        for period in plan:
            # No cells at all: from that day on no published price holds.
            assert all(any(cells) for _, cells in period["rows"] if cells)


def test_the_notice_of_the_data_ships_with_it() -> None:
    notice = (DATA / "NOTICE").read_text("utf-8")
    assert "MIT License" in notice and "Pydantic Services" in notice
    assert FILE["source"]["licence"] == "MIT" and "genai-prices" in FILE["notice"]


def test_every_overlay_row_says_why_from_where_and_until_when() -> None:
    assert len({row["id"] for row in FILE["overlay"]}) == len(FILE["overlay"])
    for row in FILE["overlay"]:
        assert len(row["why"]) > 20 and row["source"].startswith("https://")
        assert date.fromisoformat(row["read"]) < date.fromisoformat(row["expires"])


def test_the_promotions_that_end_are_already_in_the_file() -> None:
    catalogue = Catalogue.bundled()
    listed = {(one.seller, one.model): one.plan for one in catalogue.listings()}
    new_year = 1_798_761_600  # 2027-01-01T00:00:00Z
    for model in ("gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash"):
        before, after = (choose(listed["google", model], Usage(1, 1), at) for at in (new_year - 1, new_year))
        assert after.prices[0] == 2 * before.prices[0]  # type: ignore[operator]


def test_the_file_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 1, not 2"):
        Catalogue({**FILE, "schema": 2})  # type: ignore[typeddict-item]


def test_loading_imports_neither_telemetry_nor_an_sdk_nor_the_network() -> None:
    walls = "('opentelemetry', 'openai', 'anthropic', 'pydantic', 'socket', 'ssl', 'http')"
    program = f"""
import sys, types
before = set(sys.modules)  # a tool that measures coverage is there already
package = types.ModuleType('genmeter'); package.__path__ = [{str(ROOT / "src" / "genmeter")!r}]
sys.modules['genmeter'] = package
from genmeter.pricing import Catalogue
Catalogue.bundled()
print([name for name in set(sys.modules) - before if name.partition('.')[0] in {walls}])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(COMPILER))
    return importlib.import_module


def test_a_price_that_jumps_or_a_model_that_goes_shuts_a_gate(compiler: Any) -> None:
    gates = compiler("gates")
    new = json.loads(json.dumps(FILE))
    plan = new["models"][new["sellers"]["openai"]["ids"]["gpt-4o"]][1]
    new["plans"][plan][-1]["rows"][0][1][0] *= 11
    del new["sellers"]["anthropic"]["ids"]["claude-opus-5"]
    del new["sellers"]["groq"]
    faults, changes = gates.compare(FILE, new)
    assert any("gpt-4o: 2500000 → 27500000" in fault for fault in faults)
    assert "anthropic/claude-opus-5 is gone; old models stay for ever" in faults
    assert "seller groq is gone" in faults
    assert any(change.startswith("~ openai/gpt-4o") for change in changes)
    assert gates.compare(FILE, FILE) == ([], [])


def test_a_name_that_differs_is_settled_for_the_columns_that_its_reason_names_alone(compiler: Any) -> None:
    compare = compiler("compare")
    reasons = [{"names": ["acme/*-tts"], "columns": ["output"], "why": "it is audio"}]

    def reason(model: str, *columns: str) -> str | None:
        row = compare.Row("acme", model, None, {})
        return compare.settled(compare.Answer(row, dict.fromkeys(columns, (1, 2)), None), reasons)

    assert reason("one-tts", "output") == "it is audio"
    assert (reason("one-tts", "output", "input"), reason("one", "output")) == (None, None)
    rows = compare.tomllib.loads(compare.SETTLED.read_text("utf-8"))["row"]
    assert all(row["why"] and row["source"].startswith("https://") and isinstance(row["read"], date) for row in rows)


def test_an_overlay_row_past_its_day_shuts_a_gate(compiler: Any) -> None:
    row = {"id": "x", "expires": date(2026, 11, 21), "source": "https://x"}
    assert compiler("gates").overlay_age([row], "2026-11-20") == []
    assert compiler("gates").overlay_age([row], "2026-11-21") == ["overlay x: expired 2026-11-21; read https://x again"]


def wheel(folder: Path, model: str) -> Path:
    """A wheel of genai-prices with one provider and one model, as its generator writes them."""
    path = folder / "genai_prices-9.9.9-py3-none-any.whl"
    table = f"providers: list[Provider] = [Provider(id='acme', name='Acme', models=[{model}])]"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("genai_prices/data.py", table)
        made.writestr("genai_prices-9.9.9.dist-info/licenses/LICENSE", "MIT License")
    return path


MODEL = "ModelInfo(id='m', match=ClauseEquals(equals='m'), prices={})"


@pytest.mark.parametrize(
    "prices", ["NewPrice(input_mtok=Decimal('1'))", "ModelPrice(input_mtok=Surprise(Decimal('1')))"]
)
def test_an_unknown_layout_of_the_source_stops_the_compiler(prices: str, compiler: Any, tmp_path: Path) -> None:
    upstream = compiler("upstream")
    with pytest.raises(upstream.LayoutError, match="unknown NewPrice|unknown Surprise"):
        upstream.read(wheel(tmp_path, MODEL.format(prices)))


def test_the_tables_between_two_releases_are_read_like_those_of_a_release(compiler: Any, tmp_path: Path) -> None:
    """The same model in the wheel's Python and in the repository's JSON; only the version says which it was."""
    upstream, lower = compiler("upstream"), compiler("lower")
    tiered = "TieredPrices(base=Decimal('1.5'), tiers=[Tier(start=200000, price=Decimal('3'))])"
    dated = (
        "[ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('1'))), ConditionalPrice(constraint=StartDateConstraint("
        f"start_date=datetime.date(2026, 5, 1)), prices=ModelPrice(input_mtok={tiered}))]"
    )
    release = upstream.read(wheel(tmp_path, MODEL.format(dated)))
    later = [
        {
            "prices": {"input_mtok": {"base": 1.5, "tiers": [{"start": 200000, "price": 3}]}},
            "constraint": {"start_date": "2026-05-01"},
        }
    ]
    model = {"id": "m", "match": {"equals": "m"}, "prices": [{"prices": {"input_mtok": 1}}, *later]}
    published = json.dumps([{"id": "acme", "name": "Acme", "models": [model]}]).encode()
    newer = upstream.read_json(published, release, "2026-11-30")
    made, wanted = (lower.model("acme", source.providers[0].models[0]) for source in (newer, release))
    assert made == wanted and made.tiers[""][1].rows == {0: {"input": 1_500_000}, 200_000: {"input": 3_000_000}}
    assert newer.version == "9.9.9.20261130"
    with pytest.raises(upstream.LayoutError, match=r"unknown ModelInfo\(surprise\)"):
        upstream.read_json(published.replace(b'"match"', b'"surprise": 1, "match"'), release, "2026-11-30")


@pytest.mark.network
@pytest.mark.slow
def test_the_same_wheel_gives_the_same_bytes(tmp_path: Path) -> None:
    wheel = os.environ.get("GENAI_PRICES_WHEEL")
    source = ["--wheel", wheel] if wheel else []
    done = subprocess.run(
        [sys.executable, str(COMPILER), "--check", *source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
