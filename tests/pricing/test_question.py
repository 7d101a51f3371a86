"""One question, one answer, by the same names in Python and in Go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from genmeter.model import Cost, Unpriced, Usage, Verdict
from genmeter.pricing import Catalogue, Question

TWIN = Path(__file__).parents[2] / "src" / "genaicostprocessor" / "internal" / "pricing" / "types.go"
NOVEMBER = 1_795_000_000


def go_fields(struct: str) -> set[str]:
    """The fields of a struct of the twin, spelled as Python spells names."""
    body = re.search(rf"^type {struct} struct {{\n(.*?)^}}", TWIN.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert body is not None, f"no type {struct} in {TWIN}"
    code = re.sub(r"//.*", "", body[1])
    names = re.findall(r"[A-Z]\w*(?=[\w, ]* +\S+$)", code, re.MULTILINE)
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names}


def test_a_question_has_the_same_fields_in_go() -> None:
    # Go tells an unknown usage by a flag of its own, Python by None.
    assert go_fields("Question") - {"has_usage"} == set(Question._fields)


def test_the_book_answers_with_a_cost_or_with_the_reason_why_there_is_none() -> None:
    asked = Question("openai", "gpt-4o", None, Usage(1_000_000, 0), NOVEMBER)
    answers: list[Verdict] = [
        Catalogue.bundled().price(asked),
        Catalogue.bundled().price(Question("openai", "gpt-none", None, Usage(1, 1), NOVEMBER)),
    ]
    # 1,000,000 input tokens at $2.50 a million
    assert [type(answer) for answer in answers] == [Cost, Unpriced]
    assert isinstance(answers[0], Cost) and answers[0].total == 25 * 10**11


@pytest.mark.parametrize("tier", [None, "flex", "no-such-tier"])
def test_what_is_explained_is_what_is_answered(tier: str | None) -> None:
    question = Question("openai", "gpt-5.5", None, Usage(1000, 10), NOVEMBER, tier)
    explained = Catalogue.bundled().explain(question)
    assert explained.result == Catalogue.bundled().price(question)


def test_a_question_is_left_as_it_was_asked() -> None:
    question = Question("anthropic", "claude-sonnet-4-5", None, Usage(5000, 10, 2000, 1000), NOVEMBER)
    Catalogue.bundled().explain(question)
    assert question == Question("anthropic", "claude-sonnet-4-5", None, Usage(5000, 10, 2000, 1000), NOVEMBER)
