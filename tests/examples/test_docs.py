"""The pages cannot drift: outputs are what the commands print, made parts are made anew, blocks are read, links resolve."""

from __future__ import annotations

import json
import re
import sqlite3
import tomllib
from contextlib import closing
from difflib import unified_diff
from pathlib import Path

import pytest
import yaml

import genmeter
from genmeter.cli.main import COMMANDS
from genmeter.ledger import Encoding, Ledger
from genmeter.reports.registry import REPORTS
from genmeter.server import application
from tests.architecture.test_repository import subparser
from tests.architecture.tree import TARGETS
from tests.examples.pages import DOCS, ROOT, all_pages, anchors, blocks, links, read, renewing
from tests.ledger.otlp import NOON, SECOND, chat, span, traces
from tests.server.client import served

pytestmark = pytest.mark.any_major("the pages are the same, whatever is installed")

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5.4-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "In Lyon."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 36, "completion_tokens": 87, "total_tokens": 123},
}  # fmt: skip
PIECES: dict[str, dict[str, object]] = {
    "agents.md": {"letter": "Where is my parcel?"},
    "recording.md": {"genmeter": genmeter, "answer": ANSWER, "body": {}, "post": lambda body: ANSWER},
}
"""Pages with pieces of programs in blocks without the name of a file, and the names that the pieces take from elsewhere."""
ACTED = [page for page in DOCS if "```text\n$ " in read(page)]
WITH_PARTS = [page for page in DOCS if "<!-- begin: " in read(page)]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", ACTED, ids=named)
def test_each_output_is_what_the_command_prints(page: Path) -> None:
    made = renewing().acted(page, read(page), pace=0)
    other = [*unified_diff(read(page).splitlines(), made.splitlines(), lineterm="", n=0)]
    assert other == [], "\n".join(["make readme, for the page shows something else:", *other])


def test_some_pages_show_output_and_some_are_made() -> None:
    assert {page.name for page in ACTED} >= {"tutorial.md", "nothing-appears.md", "prices.md"}
    assert {page.name for page in WITH_PARTS} >= {"cli.md", "attributes.md", "http.md", "sql.md", "nothing-appears.md"}


@pytest.mark.parametrize("page", WITH_PARTS, ids=named)
def test_each_made_part_is_what_the_code_says(page: Path) -> None:
    assert renewing().with_parts(read(page)) == read(page), "make readme"


def test_every_finding_of_the_doctor_has_a_row() -> None:
    """Counted by another way than the page is made: by the text of the code."""
    told = read(ROOT / "docs" / "nothing-appears.md")
    for code in ("not_started", "nowhere", "receiver", "no_payer", "no_usage", "no_price", "python_option", "unread"):
        assert f"| `{code}` |" in told
    assert "or call genmeter.instrument() before the first call" in told.partition("## Each finding")[2]


@pytest.mark.parametrize("page", DOCS, ids=named)
def test_every_block_can_be_read(page: Path) -> None:
    for kind, file, text in blocks(page):
        if kind == "python":
            program = compile(text, file or page.name, "exec")
            if not file:  # a piece of a program: it runs here, with the names that the page takes from elsewhere
                exec(program, dict(PIECES[page.name]))
        elif kind == "toml":
            tomllib.loads(text)
        elif kind == "json":
            json.loads(text)
        elif kind == "yaml":
            assert [*yaml.safe_load_all(text)]
        else:
            assert kind in ("sh", "sql", "text", "console"), f"{page.name}: no test reads blocks of {kind!r}"


@pytest.mark.parametrize("page", DOCS, ids=named)
def test_the_commands_and_options_of_the_pages_exist(page: Path) -> None:
    for line in commands(page):
        for target in re.findall(r"\bmake ([a-z0-9-]+)", line):
            assert target in TARGETS, line
        for command, rest in re.findall(r"\bgenmeter ([a-z]+)((?: (?!-- )[^\s|;&#]+)*)", line):
            assert command in COMMANDS, line
            for option in re.findall(r"(?<=\s)--[a-z-]+", rest):
                assert option in every_help(command), line


def test_commands_are_found_in_the_pages() -> None:
    assert "genmeter dev" in commands(ROOT / "docs" / "tutorial.md")
    assert sum("genmeter" in line for page in DOCS for line in commands(page)) > 20


def commands(page: Path) -> list[str]:
    """The lines of the shell blocks, and the commands of the blocks that show output."""
    found: list[str] = []
    for kind, _, text in blocks(page):
        lines = text.splitlines()
        found += lines if kind == "sh" else [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return found


def every_help(command: str) -> str:
    one = subparser(command)
    below = one._subparsers._group_actions[0].choices.values() if one._subparsers else ()
    return "\n".join(each.format_help() for each in (one, *below))


@pytest.mark.parametrize("page", all_pages(), ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead: list[str] = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One, `two`\n[a](#one-two) [b](x.md) `[c](y.md)`\n```sh\n[d](z.md)\n```\n")
    assert links(page) == ["#one-two", "x.md"] and anchors(page) == {"one-two"}


def test_every_page_of_docs_is_in_the_index() -> None:
    index = {link.partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    assert {page.name for page in DOCS} - {"README.md"} <= index


# SQL

NOVEMBER_25 = NOON + 4 * 86_400 * SECOND


@pytest.fixture
def database(tmp_path: Path):
    """Three calls: two priced ones, of desk (in November) and shop (in December), and one without a price."""
    file = tmp_path / "ledger.db"
    with Ledger.open(file) as ledger:
        request = traces(
            span(
                1,
                chat(genmeter__department="desk", gen_ai__usage__cache_read__input_tokens=250),
                started_ns=NOVEMBER_25,
            ),
            span(2, chat(genmeter__department="shop"), started_ns=NOVEMBER_25 + 10 * 86_400 * SECOND),
            span(
                3,
                chat(
                    gen_ai__provider__name="acme",
                    gen_ai__usage__cost__amount=None,
                    gen_ai__usage__cost__currency=None,
                    gen_ai__usage__cost__source=None,
                    genmeter__cost__status="unpriced",
                    genmeter__cost__reason="unknown_provider",
                    genmeter__department="desk",
                ),
                started_ns=NOVEMBER_25,
            ),
        )
        ledger.book_traces(request.SerializeToString(), Encoding.PROTOBUF)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as found:
        yield found


def test_each_query_answers_its_question(database: sqlite3.Connection) -> None:
    queries = [text for kind, _, text in blocks(ROOT / "docs" / "sql.md") if kind == "sql"]
    by_department, unpriced, dearest, cached = (database.execute(query).fetchall() for query in queries)
    # chat() costs 0.0125 dollars; the call without a price has no currency
    assert by_department == [("desk", 1, 0.0125)]
    assert unpriced == [("acme", "gpt-5", "unknown_provider", 1)]
    assert [(row[0], row[1], row[2]) for row in dearest[:2]] == [
        ("2026-11-25 12:00:00", "gpt-5-2026", 0.0125),
        ("2026-12-05 12:00:00", "gpt-5-2026", 0.0125),
    ]
    # 250 of three times 1,000 tokens
    assert cached == [("gpt-5-2026", 8.3)]


# HTTP


def test_every_route_of_the_page_answers_and_every_route_is_on_the_page() -> None:
    told = read(ROOT / "docs" / "http.md")
    routes = {
        *("/healthz", "/readyz", "/metrics", "/api/summary", "/api/reports", "/"),
        *(f"/api/{name}" for name in REPORTS),
    }
    with served(Ledger.open(), headless=True) as client:
        assert client.post("/v1/traces", traces(span(1, chat())).SerializeToString()).status == 200
        for route in sorted(routes):
            assert f"`GET {route}`" in told, route
            assert client.get(route).status == 200, route
        trace = client.get(f"/api/trace/{1:032x}")
        assert trace.status == 200 and "/api/trace/<trace id>" in told
        card = client.get("/").json
        for route in (*card["otlp"], *card["budgets"]):
            assert f"`{route}`" in told, route
        assert set(card["read"]) <= routes | {"/api/trace/<trace id>"}
        for line in (
            line for kind, _, text in blocks(ROOT / "docs" / "http.md") if kind == "sh" for line in text.splitlines()
        ):
            assert client.get(line.partition("4318")[2].rstrip("'")).status == 200, line
        assert client.get("/api/spend?by=departmnt").json["error"]
    assert application._PROBES == ("/healthz", "/readyz")
