"""The calls that are measured, written as an app writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from . import alone, canned

CHAT: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say something."}],
    "temperature": 0.5,
    "max_tokens": 100,
}
CHAT_STREAM = {**CHAT, "stream": True}
EMBED: dict[str, Any] = {"model": "text-embedding-3-small", "input": "Say something.", "encoding_format": "float"}
MESSAGE: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Say something."}],
}
MESSAGE_STREAM = {**MESSAGE, "stream": True}


def oai_chat(client: Any) -> Any:
    return client.chat.completions.create(**CHAT)


def oai_stream(client: Any) -> None:
    for _ in client.chat.completions.create(**CHAT_STREAM):
        pass


def oai_embed(client: Any) -> Any:
    return client.embeddings.create(**EMBED)


def ant_msg(client: Any) -> Any:
    return client.messages.create(**MESSAGE)


def ant_stream(client: Any) -> None:
    for _ in client.messages.create(**MESSAGE_STREAM):
        pass


async def oai_chat_async(client: Any) -> Any:
    return await client.chat.completions.create(**CHAT)


async def oai_stream_async(client: Any) -> None:
    async for _ in await client.chat.completions.create(**CHAT_STREAM):
        pass


async def ant_msg_async(client: Any) -> Any:
    return await client.messages.create(**MESSAGE)


async def ant_stream_async(client: Any) -> None:
    async for _ in await client.messages.create(**MESSAGE_STREAM):
        pass


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of call. ``chunks`` is 0 for a whole answer, ``single`` the scenario of the same call unstreamed.

    ``alone`` marks a call without the SDK's own work (see ``alone.py``).
    """

    name: str
    sdk: str
    call: Callable[[Any], Any]
    request: dict[str, Any]
    body: Callable[[], bytes]
    chunks: int = 0
    awaited: bool = False
    single: str = ""
    alone: bool = False

    def connect(self) -> Any:
        """A client that is answered with this scenario's bytes."""
        return canned.client(self.sdk, self.body(), awaited=self.awaited)

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A client for as long as this is open: answered with bytes, or ``alone`` with what the SDK made of them."""
        if self.alone:
            with alone.idle(self) as client:
                yield client
        else:
            yield self.connect()

    @property
    def method(self) -> str:
        """The name of the call, by which the floor knows it."""
        return self.call.__name__


def _twins(name: str, sdk: str, calls: tuple[Any, Any], request: dict[str, Any], body: Any, single: str = "") -> Any:
    chunks = canned.CHUNKS if single else 0
    both = (name, calls[0], single, False), (f"{name}_async", calls[1], single and f"{single}_async", True)
    return tuple(Scenario(who, sdk, call, request, body, chunks, awaited, of) for who, call, of, awaited in both)


REAL: tuple[Scenario, ...] = (
    *_twins("oai_chat", "openai", (oai_chat, oai_chat_async), CHAT, canned.chat),
    *_twins("oai_stream", "openai", (oai_stream, oai_stream_async), CHAT_STREAM, canned.chat_stream, "oai_chat"),
    Scenario("oai_embed", "openai", oai_embed, EMBED, canned.embedding),
    *_twins("ant_msg", "anthropic", (ant_msg, ant_msg_async), MESSAGE, canned.message),
    *_twins(
        "ant_stream", "anthropic", (ant_stream, ant_stream_async), MESSAGE_STREAM, canned.message_stream, "ant_msg"
    ),
)
ALONE = tuple(
    replace(scenario, name=f"{scenario.name}_alone", alone=True, single=scenario.single and f"{scenario.single}_alone")
    for scenario in REAL
    if scenario.name != "oai_embed"
)
ALL = (*REAL, *ALONE)
BY_NAME = {scenario.name: scenario for scenario in ALL}
