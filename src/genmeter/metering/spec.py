"""What an integration is made of: a wire shape (``Dialect``), the methods that speak it (``Target``), a ``Provider``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..model import Content, Invocation, Request, Seller

Kwargs = dict[str, Any]


class Accumulator(Protocol):
    """Folds the chunks of one stream into counts; keeps no chunk."""

    def fold(self, chunk: Any) -> bool:
        """Take one chunk in. True: the app did not ask for this chunk and must not see it."""
        ...

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen so far into the record; called once, also for a stream that was cut."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire shape: pure readers from an SDK's objects (or plain JSON) into our record.

    ``read_request`` takes the call's keyword arguments. ``read_response`` fills response and usage. ``accumulator``
    makes a folder for one stream from (we asked for usage, content is captured). ``asks_usage`` marks shapes that
    report a stream's usage only when asked by ``stream_options``. ``content_arguments`` names the arguments that hold
    messages, ``read_content`` puts them into the conventions' shapes and ``read_output`` the answer.
    """

    name: str
    operation: str
    read_request: Callable[[Mapping[str, Any]], Request]
    read_response: Callable[[Any, Invocation], None]
    accumulator: Callable[[bool, bool], Accumulator] | None = None
    asks_usage: bool = False
    content_arguments: tuple[str, ...] = ()
    read_content: Callable[[Mapping[str, Any]], Content] | None = None
    read_output: Callable[[Any], list[dict[str, Any]]] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One method to wrap: where it lives, which shape it speaks, whether it is awaited.

    ``arguments`` names positional parameters that the dialect wants to see by name. ``manager`` marks a method that
    makes no call itself but returns a context manager whose entry does. ``inner`` is the attribute of the helper that
    such a manager gives, under which the raw stream lies.
    """

    module: str
    path: str
    dialect: Dialect
    awaited: bool = False
    manager: bool = False
    inner: str = ""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a client talks to: who bills there, and the server's address."""

    seller: Seller
    address: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """One SDK: its package, its targets, who bills by default.

    ``name`` is the value of ``gen_ai.provider.name`` for an address that nobody knows. ``modes`` maps a client
    class to the provider that it stands for (``AzureOpenAI``).
    ``watched`` names further methods, (module, path), that other instrumentors of this SDK patch. ``muted`` names
    properties, (module, path), that give the SDK's own tracer: None inside our calls, or a call would be billed twice.
    """

    sdk: str
    name: str
    targets: tuple[Target, ...]
    modes: Mapping[str, str]
    watched: tuple[tuple[str, str], ...] = ()
    muted: tuple[tuple[str, str], ...] = ()


def both(
    module: str,
    owner: str,
    method: str,
    dialect: Dialect,
    *,
    arguments: Iterable[str] = (),
    manager: bool = False,
    inner: str = "",
) -> tuple[Target, Target]:
    """The sync and the async twin of one method: ``Owner.method`` and ``AsyncOwner.method``."""
    named = tuple(arguments)
    return (
        Target(module, f"{owner}.{method}", dialect, arguments=named, manager=manager, inner=inner),
        Target(module, f"Async{owner}.{method}", dialect, awaited=True, arguments=named, manager=manager, inner=inner),
    )
