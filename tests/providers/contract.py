"""The words in which an SDK is described to the suite: its clients, its calls, what each call reports, how it fails.

A description is data. It imports the SDK only when a client is made, so that an environment without the SDK can read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from importlib import metadata
from typing import Any

NEEDLE = "Is the parcel from Lisbon here?"
"""Every prompt says these words; the tests of content look for them."""
HELLO: Any = [{"role": "user", "content": NEEDLE}]


REQUEST = r"self\._(client\.)?(post|get|put|patch|delete|request|get_api_list)\(|websockets?\."
"""How a method of a resource of Stainless's sends a request."""


def as_it_is(answer: Any) -> Any:
    """What an app does with most answers before it reads them: nothing."""
    return answer


def parsed(answer: Any) -> Any:
    """What an app does with a raw response of a Stainless SDK."""
    return answer.parse()


@dataclass(frozen=True)
class At:
    """One way to make a call: ``client.chat.completions.create(**arguments)``, and then ``take(answer)``."""

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    positional: tuple[Any, ...] = ()
    take: Callable[[Any], Any] = as_it_is
    """What the app does with the answer before it reads it; awaited where that is needed."""

    def method(self, client: Any) -> Any:
        """The method, bound to a client."""
        return reduce(getattr, self.path.split("."), client)

    def but(self, path: str | None = None, take: Callable[[Any], Any] | None = None, **changed: Any) -> At:
        """The same call with other arguments, at another method, or taken in another way."""
        return replace(self, path=path or self.path, take=take or self.take, arguments={**self.arguments, **changed})


@dataclass(frozen=True)
class Expected:
    """What one call is recorded as, worked out by hand from the body that the stub sends."""

    operation: str
    provider: str
    """``gen_ai.provider.name``: who sells."""
    request_model: str | None
    response_model: str | None
    tokens: Mapping[str, int]
    """Unit of units.json (``input``, ``output``, ``cache_read``, ...) → count. A unit that is not here is not reported."""
    finish: tuple[str, ...] = ()
    id: str | None = None
    cost: float | str | None = None
    """Micro-dollars; or the reason why there is no price. None: the price is not looked at."""


@dataclass(frozen=True)
class Call:
    """One operation of an SDK, in the ways in which an app can make it.

    ``values`` give an answer in one piece, ``streams`` in pieces; the first of each is the plain way. ``wire`` is the end of
    the request's path, as ``StubServer.script`` takes it. ``streamed`` is what a stream is recorded as, where that differs
    from ``expected``.
    """

    name: str
    wire: str
    expected: Expected
    values: Mapping[str, At] = field(default_factory=dict[str, At])
    streams: Mapping[str, At] = field(default_factory=dict[str, At])
    streamed: Expected | None = None
    messages: str | None = None
    """The argument that holds the prompt, where it may be any iterable."""


@dataclass(frozen=True)
class Odd:
    """A usage object that servers do send and references do not show.

    ``tokens`` None: what the SDK makes of it is the SDK's; the app gets what the bare SDK gives and nothing of ours fails.
    """

    name: str
    usage: Any
    tokens: Mapping[str, int] | None = None
    reason: str | None = None
    """Why the call has no price."""


@dataclass(frozen=True)
class Sdk:
    """One SDK as the suite sees it.

    The first of ``calls`` is the one with which the tests of errors, streams, content and processes work. ``client`` and
    ``async_client`` make a client of a server at a URL without a path, without retries; None where the SDK has no such
    client. ``seller`` is what the user's ``[sellers]`` say of the stub; None: the SDK's client tells who sells.
    ``twin`` gives the path of an asynchronous method from that of the synchronous one.
    """

    name: str
    module: str
    distribution: str
    calls: tuple[Call, ...]
    client: Callable[[str], Any] | None
    async_client: Callable[[str], Any] | None
    errors: Mapping[int, str]
    """HTTP status of a refusal → ``error.type``."""
    seller: str | None = None
    table: str = ""
    """The ``sdk`` of its table in ``metering/providers``; empty: ``module``."""
    odd: tuple[Odd, ...] = ()
    twin: Callable[[str], str] = as_it_is
    sockets: bool = True
    """Whether it opens its connections by Python's own sockets, in the thread or the task of the call."""
    kept: bool = True
    """Whether a method that an app has bound before ``instrument()`` is metered too."""
    refuses: bool = True
    """Whether it refuses an argument that it does not know before it is on its way to the server."""
    raises: bool = True
    """Whether a refusal raises an exception; else it is an answer with a status."""
    forks: bool = True
    """Whether a forked child may use it."""

    resources: tuple[str, ...] = ()
    """Packages or modules that hold the classes whose methods send requests; empty: ``<module>.resources``."""
    request: str = REQUEST
    """A pattern of the source of a method that sends a request by itself, or holds a line open."""
    sending: int = 2
    """So many methods send something at least; fewer mean that the SDK's resources were not found."""
    newest: tuple[int, ...] = (0,)
    """From this version on every row of the table and of the page of waived methods stands for a method."""
    since: tuple[int, ...] = (0,)
    """The first version that the table meters."""

    @property
    def version(self) -> tuple[int, ...] | None:
        """The version that is installed; None where the SDK is missing or older than its table."""
        found = installed(self.distribution)
        return None if found is None or found < self.since else found

    @property
    def is_newest(self) -> bool:
        """Whether the installed version is the one for which table and page are written."""
        return (self.version or (0,)) >= self.newest


ODD_CHAT = (
    Odd("missing", None, {}, "no_usage"),
    Odd("null", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, None, "no_usage"),
    Odd("strings", {"prompt_tokens": "19", "completion_tokens": "10"}, {"input": 19, "output": 10}),
    Odd("negative", {"prompt_tokens": -19, "completion_tokens": 10, "total_tokens": -9}, None, "invalid_usage"),
    Odd(
        "larger than the total",
        {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29, "prompt_tokens_details": {"cached_tokens": 20}},
        None,
        "invalid_usage",
    ),
)  # fmt: skip
"""Odd usage objects of servers that follow OpenAI's chat completions."""


def installed(distribution: str) -> tuple[int, ...] | None:
    """The first two numbers of the version of a distribution that is installed, else None."""
    try:
        text = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
    return tuple(int(part) for part in text.split(".")[:2])
