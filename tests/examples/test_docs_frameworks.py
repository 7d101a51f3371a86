"""The programs of ``docs/frameworks.md`` run as they are, and each of their calls is booked to its payer."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples.pages import ROOT, block, blocks, read, renewing
from tests.examples.test_examples import rows

PAGE = "frameworks.md"
DRIVER = """
from types import SimpleNamespace

import django_payer, task, wsgi_payer
from openai import OpenAI


def ask(*_):
    OpenAI().responses.create(model="gpt-5.4-mini", input="?")
    return ["done"]


def app(environ, start_response):
    start_response("200 OK", [])
    for part in ask():
        yield part.encode()


head = {"HTTP_X_USER": "ada", "HTTP_X_DEPARTMENT": "support"}
assert [*wsgi_payer.WhoPays(app)(head, lambda *_: None)] == [b"done"]
request = SimpleNamespace(user=SimpleNamespace(pk=7))
assert django_payer.who_pays(ask)(request) == ["done"]
assert task.summarize("long").startswith("In a peaceful grove")
import handler  # it calls genmeter.instrument(), which changes nothing below a launcher

assert handler.handler({"question": "?"}, None).startswith("In a peaceful grove")
import notebook  # noqa: F401
"""


def test_the_programs_book_each_call_to_its_payer(receipt, environment, tmp_path: Path) -> None:
    for one in blocks(ROOT / "docs" / PAGE):
        if one.file:
            (tmp_path / one.file).write_text(one.text, encoding="utf-8")
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")
    found, _ = receipt(tmp_path / "driver.py")
    assert (found["calls"], found["errors"], found["unpriced"]) == (4, {}, [])
    # 36 × 0.75 + 87 × 4.50 = 418.5 millionths a call: one of each user, and two without
    cost = "0.0004185"
    assert {key: row["cost"] for key, row in rows(environment, "user").items()} == {
        "ada": cost,
        "7": cost,
        None: "0.000837",
    }
    assert {key: row["calls"] for key, row in rows(environment, "application").items()} == {
        "shop": 2,
        "nightly": 1,
        "driver": 1,
    }


def test_every_program_of_a_page_is_run() -> None:
    """By a command of its page, or by the driver above."""
    for page in (ROOT / "docs").glob("*.md"):
        driven = DRIVER if page.name == PAGE else ""
        for one in blocks(page):
            if one.kind == "python" and one.file:
                stem = one.file.removesuffix(".py")
                run = any(
                    re.search(rf"python {re.escape(one.file)}\b", line)
                    for line in read(page).splitlines()
                    if line.startswith("$ ")
                )
                assert run or re.search(rf"\bimport .*\b{stem}\b", driven), f"{page.name}: {one.file}"
    assert block(PAGE, "handler.py") and renewing()
