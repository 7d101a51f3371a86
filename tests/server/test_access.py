"""Who is let in: the token where the network is shared, this machine's own tools on loopback, and no other web page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from genmeter.ledger import Ledger
from genmeter.server import TokenRequired, require_token, serve
from tests.ledger.otlp import chat, span, traces
from tests.server.client import Client, served

BATCH = traces(span(1, chat())).SerializeToString()
GUARDED = (
    "/metrics",
    "/api/calls",
    "/api/spend",
    "/api/unpriced",
    "/api/summary",
    "/api/reports",
    "/api/errors",
    "/api/budgets",
    "/api/trace/00",
    "/nothing",
)
PAGE = ("/", "/page.css", "/page.js", "/budgets.js", "/reports.js", "/units.js")


@pytest.fixture
def open_client() -> Iterator[Client]:
    with served(Ledger.open()) as client:
        yield client


@pytest.fixture
def locked_client() -> Iterator[Client]:
    with served(Ledger.open(), token="s3cret") as client:
        yield client


def test_with_a_token_every_route_but_the_probes_and_the_empty_page_asks_for_it(locked_client: Client) -> None:
    for path in GUARDED:
        reply = locked_client.get(path)
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer"), path
    assert locked_client.post("/v1/traces", BATCH).status == 401
    assert [locked_client.get(path).status for path in ("/healthz", "/readyz", *PAGE)] == [200] * (2 + len(PAGE))


@pytest.mark.parametrize(
    "wrong", ["Bearer s3cre", "Bearer s3cretx", "Bearer", "Basic s3cret", "s3cret", "Bearer \u00fc"]
)
def test_a_wrong_token_is_refused(locked_client: Client, wrong: str) -> None:
    assert locked_client.get("/api/calls", Authorization=wrong).status == 401


def test_the_right_token_opens_everything_from_any_host(locked_client: Client) -> None:
    right = {"Authorization": "Bearer s3cret", "Host": "ledger.example.com"}
    assert locked_client.post("/v1/traces", BATCH, **right).status == 200
    assert locked_client.get("/api/summary", **right).json["calls"] == 1


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4318", "127.0.0.1.evil.example", "10.0.0.7:4318", ""])
def test_on_loopback_a_foreign_host_is_refused(open_client: Client, host: str) -> None:
    for reply in (
        open_client.get("/api/calls", Host=host),
        open_client.post("/v1/traces", BATCH, Host=host),
        open_client.get("/", Host=host),
    ):
        assert reply.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:4318", "localhost", "localhost:9", "[::1]:4318", "127.8.9.1"])
def test_on_loopback_every_name_of_this_machine_is_let_in(open_client: Client, host: str) -> None:
    assert open_client.get("/api/calls", Host=host).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "https://127.0.0.1:4318"])
def test_other_web_pages_can_neither_read_nor_write(open_client: Client, origin: str) -> None:
    assert open_client.get("/api/calls", Host="127.0.0.1:4318", Origin=origin).status == 403
    assert open_client.post("/v1/traces", BATCH, Host="127.0.0.1:4318", Origin=origin).status == 403


def test_the_page_itself_is_its_own_origin(open_client: Client) -> None:
    assert open_client.get("/api/calls", Host="127.0.0.1:4318", Origin="http://127.0.0.1:4318").status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.5", "ledger.example.com"])
def test_listening_beyond_this_machine_needs_a_token(host: str) -> None:
    with pytest.raises(TokenRequired, match=r"--token-file.*127\.0\.0\.1"):
        require_token(host, None)
    with pytest.raises(TokenRequired):
        require_token(host, "")
    require_token(host, "s3cret")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_listening_on_loopback_needs_none(host: str) -> None:
    require_token(host, None)


def test_a_port_that_is_taken_is_named(open_client: Client) -> None:
    with pytest.raises(OSError, match=f"127.0.0.1:{open_client.server.port}.*another port"):
        serve(lambda environ, start: [], "127.0.0.1", open_client.server.port)


def test_the_page_is_sent_under_a_strict_policy_and_loads_nothing_from_elsewhere(open_client: Client) -> None:
    page = open_client.get("/")
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for path in PAGE:
        text = open_client.get(path).body.decode()
        # the one exception names an XML vocabulary inside the icon and is never fetched
        assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}
    for reply in (page, open_client.get("/api/calls")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"


def scripts() -> list[str]:
    """Every script of the page."""
    folder = files("genmeter.server.page")
    return [file.read_text() for file in folder.iterdir() if file.name.endswith(".js")]


def test_the_page_never_parses_data_as_html() -> None:
    assert len(scripts()) == sum(path.endswith(".js") for path in PAGE)
    for script in scripts():
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert sink not in script


def test_every_element_that_the_scripts_ask_for_is_on_the_page(open_client: Client) -> None:
    page = open_client.get("/").body.decode()
    asked = {name for script in scripts() for name in re.findall(r'\$\("([\w-]+)"\)', script)}
    assert {"calls", "budgets"} <= asked
    assert asked <= set(re.findall(r'\bid="([\w-]+)"', page))
    assert set(re.findall(r'src="([\w.]+)"', page)) == {"page.js", "budgets.js", "reports.js", "units.js"}
