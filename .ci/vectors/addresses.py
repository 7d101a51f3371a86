"""Addresses and names of sellers: known to the catalogue, named by a user, and unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from questions import Data, words_of
from words import STRANGE, Chance, strange

NAMED = {
    "llm.example.com": "openai",
    "llm.example.com/claude": "anthropic",
    "LLM.example.com:8443": "azure",
    "gw.example.com/": "my-gateway",
    "api.openai.com": "gateway",
    "10.0.0.1:11434": "x-ai",
    "[::1]:8080": "mistral_ai",
    "same.example.com": "groq",
    "same.example.net": "cohere",
}
"""The user's [sellers]."""

HOSTS = (
    "llm.example.com", "LLM.Example.COM", "llm.example.com.", "llm.example.community", "gw.example.com", "10.0.0.1",
    "[::1]", "same.example.com", "same.example.net", "localhost", "", ".", ":", ":443", "a..b", "127.0.0.1", "openai",
    "api.openai.com.evil.example", "evil-api.openai.com", "notapi.openai.com", "a.b.api.openai.com",
    ".api.openai.com", "bedrock-runtime..amazonaws.com", "bedrock-runtime.x.y.amazonaws.com", "x" * 256, "x" * 257,
)  # fmt: skip
PATHS = ("", "/", "/v1/chat/completions", "claude", "/claude", "/claude/v1", "/CLAUDE", "/claudes", "//claude")
PORTS = (None, 443, 80, 8443, 8080, 11434)


def host_questions(data: Data) -> Iterator[dict[str, Any]]:
    """Every host pattern filled in several ways, then near misses, then the user's own names."""
    chance = Chance("addresses")
    for face in data["sellers"].values():
        for pattern in face["hosts"]:
            host, slash, path = pattern.partition(" = ")[0].partition("/")
            for label in ("us", "eu", "global", "us-east-1", "a.b", "", "\u0130"):
                filled = host.replace("{region}", label).replace("*", label)
                yield _asked(filled, chance.choice(PORTS), slash + path + chance.choice(PATHS))
                if filled == host:
                    break
            filled = host.replace("{region}", "us").replace("*", "my-name")
            tail = chance.choice((".", ":443", ":", ":x", ":\u0661", ".evil.example", "..", ".:443"))
            ways = (filled.upper(), f" {filled} ", filled + tail, "x" + filled, strange(chance, filled), filled[1:])
            for spelling in chance.sample(ways, 4):
                yield _asked(spelling, chance.choice(PORTS), chance.choice((slash + path, "", "/" + path.upper())))
    for host in HOSTS:
        for path in chance.sample(PATHS, 5):
            yield _asked(host, chance.choice(PORTS), path)


def _asked(host: str, port: int | None, path: str) -> dict[str, Any]:
    call: dict[str, Any] = {"host": host, "port": port, "path": path}
    return {name: value for name, value in call.items() if value is not None and value != ""} | {"host": host}


def name_questions(data: Data) -> Iterator[str]:
    """Every word for a seller, spelled well and oddly, and words for no seller."""
    chance = Chance("names")
    for word in words_of(data):
        yield from (word, chance.choice((word.upper(), word.title(), f" {word}\t")), strange(chance, word))
    yield from ("", " ", "nobody", "gateway", "Gateway", "GATEWAY", "mine", "Mine", " mine", *STRANGE)
