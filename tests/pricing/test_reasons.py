"""Every reason why a call has no price has words and a remedy in one file, and all that name reasons name these."""

from __future__ import annotations

import ast
import json
import re
import tomllib

import pytest

from genmeter import names
from genmeter.ledger import booking
from genmeter.model import Unpriced, Usage
from genmeter.pricing import Catalogue, Question, parse, reasons
from genmeter.settings import Settings
from tests.architecture.tree import ROOT, modules

FILE = json.loads(reasons.BUNDLED.read_text("utf-8"))
BOOK = [name for name, one in FILE["reasons"].items() if one["given_by"] == "book"]
LEDGER = [name for name, one in FILE["reasons"].items() if one["given_by"] == "ledger"]
GO = ROOT / "src" / "genaicostprocessor"
NOVEMBER = 1_795_000_000
TEXT = Usage(1000, 10)
NEW = '[[prices.mine."m"]]\nfrom = 2026-11-01\ninput = "2"\noutput = "2"\n'
SINCE_NOVEMBER = Catalogue.bundled().with_overrides(parse(tomllib.loads(NEW)["prices"], "genmeter.toml", NEW))
ASKED = {
    "unknown_provider": Question(None, "gpt-4o", None, TEXT, NOVEMBER),
    "unknown_model": Question("openai", "house-7b", None, TEXT, NOVEMBER),
    "no_usage": Question("openai", "gpt-4o", None, None, NOVEMBER),
    "invalid_usage": Question("openai", "gpt-4o", None, Usage(10, 10, cache_read=11), NOVEMBER),
    "unpriced_dimension": Question("openai", "gpt-4o", None, Usage(1000, 10, audio_input=5), NOVEMBER),
    "unknown_service_tier": Question("openai", "gpt-4o", None, TEXT, NOVEMBER, "no-such-tier"),
    "no_price_for_date": Question("mine", "m", None, TEXT, 0),
}


def read(*path: str) -> str:
    return ROOT.joinpath(*path).read_text("utf-8")


def given_by_code() -> set[str]:
    """Every reason that stands as a literal where the package makes a refusal, or leaves a call unpriced."""
    found: set[str] = set()
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Unpriced":
                assert isinstance(node.args[0], ast.Constant), ast.unparse(node)
                found.add(node.args[0].value)
    return found


def test_the_book_gives_the_reasons_of_the_file_and_no_others() -> None:
    assert tuple(BOOK) == names.UNPRICED_REASONS
    assert given_by_code() == set(BOOK)


@pytest.mark.parametrize("reason", BOOK)
def test_the_book_gives_each_of_its_reasons_and_a_detail(reason: str) -> None:
    answer = SINCE_NOVEMBER.price(ASKED[reason])
    assert isinstance(answer, Unpriced)
    assert answer.reason == reason and answer.detail


def test_the_ledger_gives_the_other_reasons() -> None:
    # tests/ledger/test_booking.py books a call for each of them
    assert {booking.NOT_PRICED, booking.NO_CURRENCY, booking.INVALID_COST} == set(LEDGER)


@pytest.mark.parametrize("reason", FILE["reasons"])
def test_a_reason_says_what_is_the_matter_and_what_to_do_in_whole_sentences(reason: str) -> None:
    said = reasons.meaning(reason)
    for sentence in (said.words, said.remedy):
        assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence, sentence
    # advice at the command line follows a semicolon
    assert bool(said.command) == (said.given_by == "book") and not said.command.endswith(".")


def test_a_reason_that_this_genmeter_does_not_know_has_words_too() -> None:
    for unknown in ("a_reason_of_next_year", "", None):
        assert reasons.meaning(unknown).remedy == FILE["otherwise"]["remedy"]


def test_what_a_remedy_names_exists() -> None:
    told = " ".join(f"{one['words']} {one['remedy']} {one.get('command', '')}" for one in FILE["reasons"].values())
    known = {row["name"] for row in json.loads(read("tests", "vectors", "names.json"))["attributes"]}
    assert set(re.findall(r"\bgen_ai\.[a-z_.]+[a-z]", told)) <= known
    tables = set(re.findall(r"\[(\w+)\]", told))
    assert tables == {"prices", "sellers"} and tables <= set(Settings.__dataclass_fields__)
    help_text = read("src", "genmeter", "cli", "price.py")
    assert all(f'"{option}"' in help_text or "--{name}" in help_text for option in re.findall(r"--[a-z]+", told))


@pytest.mark.parametrize(
    ("path", "passage", "word"),
    [
        ("internal/names/meter.go", r"var Reasons = [^{]*{(.*?)}", r'"(\w+)"'),
        ("internal/pricing/types.go", r"Priced +Reason = \"\"(.*?)\n\)", r'"(\w+)"'),
        ("metadata.yaml", r"Why a call has no price\..*?enum: \[(.*?)\]", r"(\w+)"),
        ("README.md", r"`genmeter\.cost\.reason` \|(.*?)\n", r"`(\w+)`"),
    ],
)
def test_the_collector_names_the_reasons_of_the_book(path: str, passage: str, word: str) -> None:
    found = re.search(passage, (GO / path).read_text("utf-8"), re.DOTALL)
    assert found is not None, f"{path} lists no reasons any more"
    assert re.findall(word, found[1]) == BOOK


def test_go_embeds_the_same_reasons() -> None:
    twin = GO / "internal" / "pricing" / "data" / "reasons.json"
    assert twin.read_bytes() == reasons.BUNDLED.read_bytes(), "copy src/genmeter/pricing/data/reasons.json there"
