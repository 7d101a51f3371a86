"""What an integration is made of: a wire shape (``Dialect``), the methods that speak it (``Target``), a ``Provider``.

Beside these stand the two contracts of the engine: a ``Family`` knows the forms of an SDK, and an ``OpenCall`` is one
call under way, as families and shapes see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Protocol

from ..model import Content, Invocation, Request, Seller

Kwargs = dict[str, Any]


class Events(list[Any]):
    """The events of a stream that arrived as one whole body."""


class Accumulator(Protocol):
    """Folds the chunks of one stream into counts; keeps no chunk."""

    def fold(self, chunk: Any) -> int:
        """Take one chunk in. True: the app did not ask for this chunk and must not see it; or ``AHEAD``."""
        ...

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen so far into the record; called once, also for a stream that was cut."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire shape: pure readers from an SDK's objects (or plain JSON) into our record.

    ``read_request`` takes the call's keyword arguments. ``read_response`` fills response and usage. ``accumulator``
    makes a folder for one stream from (we asked for usage, content is captured). ``asks_usage`` marks shapes that
    report a stream's usage only when they are asked. ``content_arguments`` names the arguments that hold
    messages, ``read_content`` puts them into the conventions' shapes and ``read_output`` the answer. ``tail`` tells
    whether a chunk of a stream only ends what came before it: behind it the usage comes, or something new begins.
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
    tail: Callable[[Any], bool] | None = None


AHEAD = 2
"""A fold's word for a chunk that the app sees and behind which the chunk comes that we asked for.

That one is taken at once. Many apps stop at the finish reason, and would leave the usage of the call unread.
"""


class Fold(Protocol):
    """Takes one chunk in. True: the chunk came only because we asked, and the app must not see it; or ``AHEAD``. May raise."""

    def __call__(self, chunk: Any, /) -> int:
        """Take it."""
        ...


class Chunks(Protocol):
    """Where the chunks of a stream go on their way to the app."""

    @property
    def fold(self) -> Fold:
        """What takes the next chunk. Look it up for every chunk: it changes."""
        ...

    @property
    def hides(self) -> Fold:
        """Whether the app must not see a chunk, asked without folding it."""
        ...

    def unfolded(self, chunk: Any, error: Exception) -> bool:
        """Count the failure of ``fold``. True: the app must not see the chunk all the same."""
        ...


class OpenCall(Protocol):
    """A call under way, as families and shapes see it. Enter it around the SDK's own code.

    Its end comes once: by ``read``, ``close``, ``stop``, ``leave`` or ``abandon``, whichever is first. None of these and
    neither ``begin`` nor ``head`` lets a failure of ours out, unless it says so.
    """

    @property
    def kwargs(self) -> Kwargs:
        """The arguments with which the SDK is to be called."""
        ...

    @property
    def chunks(self) -> Chunks:
        """Where the chunks of a stream go."""
        ...

    @property
    def streamed(self) -> bool:
        """Whether the app asked for a stream."""
        ...

    @property
    def asked(self) -> bool:
        """Whether we asked the server for the stream's usage, and it did not refuse."""
        ...

    @property
    def open(self) -> bool:
        """Whether the call's end has not come yet."""
        ...

    @property
    def passes(self) -> bool:
        """Whether the call is another instrumentation's: its answer is delivered as it is."""
        ...

    @property
    def arrived(self) -> Any:
        """The HTTP response that the SDK got for the call; None where that is not known, or not yet."""
        ...

    def __enter__(self) -> OpenCall: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """True: the server refused what we added, and the SDK is to be called again with ``kwargs``."""
        ...

    def begin(self, *, sent: bool = True) -> None:
        """The app is about to hold a stream: its chunks come from now on. ``sent``: the SDK has sent the request."""
        ...

    def head(self, result: Any) -> None:
        """Read what an answer says beside its stream; after ``begin``."""
        ...

    def read(self, result: Any) -> None:
        """Read a whole answer and close. May raise."""
        ...

    def close(self) -> None:
        """The app has got everything. May raise."""
        ...

    def stop(self, error: BaseException) -> None:
        """The SDK raised ``error``, which the app is about to get: a failure, or the exception that ends a stream."""
        ...

    def rest(self, error: BaseException) -> Callable[[Any], bool] | None:
        """The app is about to get ``error``, which a helper raised over a stream: what says to read on, see ``Dialect.tail``."""
        ...

    def leave(self) -> None:
        """The app closed what it held, perhaps before the end."""
        ...

    def abandon(self) -> None:
        """The app dropped what it held. For finalizers: takes no lock. May raise."""
        ...


Opener = Callable[[], OpenCall | None]
"""Opens a call at the moment when the SDK makes it; None: the call passes. Raises RejectedCall."""


class Server(NamedTuple):
    """Where an object sends its calls.

    ``owner`` is the object that keeps the address, ``url`` the address as it is kept there: text or a
    parsed URL. ``seller`` names the seller, and wins over the address. ``mode`` names the seller behind an
    unknown address, for an owner that says it by more than its class. ``region`` is where the object says that its
    calls run, for an address that does not tell.
    """

    owner: Any
    url: Any
    seller: str | None = None
    mode: str | None = None
    region: str | None = None


class Complaint(NamedTuple):
    """What an exception says of the reason for which a server refused a call.

    ``code`` and ``param`` are empty where the server names none. ``text`` is all that the server said.
    """

    status: int | None
    code: str
    param: str
    text: str


class UsageOption(NamedTuple):
    """How a stream is asked for its usage, in shapes that do not report it by themselves.

    ``argument`` is the parameter that carries the option: methods that lack it are never asked. ``add`` gives a copy of
    the arguments that asks, or None where the caller has decided. ``brought`` says whether a chunk came only because of
    the option. ``names`` says whether a server's words name the option.
    """

    argument: str
    add: Callable[[Kwargs], Kwargs | None]
    brought: Fold
    names: Callable[[str], bool]


def _nothing(result: Any, call: OpenCall) -> None:
    return None


def never_entered(error: BaseException) -> bool:
    """Whether Python itself refused the arguments of a method: then no frame lies below the one that called it."""
    trace = error.__traceback__
    return isinstance(error, TypeError) and trace is not None and trace.tb_next is None


def _unread(response: Any) -> None:
    return None


def _unsaid(error: BaseException) -> Complaint:
    return Complaint(None, "", "", str(error))


@dataclass(frozen=True, slots=True)
class Family:
    """What the SDKs of one make have in common.

    ``server`` finds where the object that a method belongs to sends its calls; None: it runs no model.
    ``deliver`` gives the app's answer for the SDK's answer: the same object, or a proxy of the same type where there is
    more to see. It closes the call when nothing more comes, and it may raise.
    ``undelivered`` hides what we asked for in an answer whose delivery failed.
    ``status`` is the HTTP status that an exception tells.
    ``unsent`` says of an exception that an SDK's method raised whether the SDK had sent no request when it raised.
    ``body`` reads an HTTP response that has arrived: JSON, ``Events``, or None where there is neither. It is asked where
    the SDK could not make the app's answer of the response. It may raise.
    ``complaint`` is what an exception says of a refusal.
    """

    server: Callable[[Any], Server | None]
    deliver: Callable[[Any, OpenCall], Any]
    status: Callable[[BaseException], int | None]
    undelivered: Callable[[Any, OpenCall], None] = _nothing
    unsent: Callable[[BaseException], bool] = never_entered
    body: Callable[[Any], Any] = _unread
    complaint: Callable[[BaseException], Complaint] = _unsaid


Parts = tuple[Kwargs, Callable[[Any], Any]]
"""The arguments with which a method gives whole items, and what the app gets of an item."""


@dataclass(frozen=True, slots=True)
class Target:
    """One method to wrap: where it lives, which shape it speaks, whether it is awaited.

    ``arguments`` names positional parameters that the dialect wants to see by name. ``manager`` marks a method that
    makes no call itself but returns a context manager whose entry does. ``inner`` is the attribute of the helper that
    such a manager gives, under which the raw stream lies. ``lazy`` marks a function that streams by returning a
    generator which has sent nothing yet; functions that are generators themselves are recognised. ``above`` names the
    methods of the same class that call this one: other instrumentors patch those, and this one's calls are theirs then.

    ``dialect`` may be a mapping: then one method makes every call of a client, its first argument names the operation,
    its second holds the parameters, and operations that are not in the mapping pass.
    """

    module: str
    path: str
    dialect: Dialect | Mapping[str, Dialect]
    awaited: bool = False
    manager: bool = False
    inner: str = ""
    lazy: bool = False
    arguments: tuple[str, ...] = ()
    above: tuple[str, ...] = ()

    door: ClassVar[bool] = False
    """Whether other methods of the SDK pass through this one: inside an observed call of theirs it is no call."""

    def server(self, instance: Any, kwargs: Kwargs, bound: Kwargs) -> Server | None:
        """Where this call goes, if its arguments say so; None: where the object sends all its calls.

        ``bound`` are the arguments by the names that the dialect knows.
        """
        return None

    def option(self, option: UsageOption) -> UsageOption:
        """How this method is asked for a stream's usage, from how the SDK's other methods are."""
        return option

    def later(self, instance: Any, kwargs: Kwargs) -> bool:
        """Whether this call of a ``lazy`` method gives a generator that has sent nothing yet."""
        return bool(kwargs.get("stream"))

    def parts(self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Parts | None:
        """How the SDK's generator is made, where the app gets a part of each item alone; None: it gets the items."""
        return None

    def of(self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """As ``choose``, for a method whose object keeps what is asked."""
        return self.choose(args, kwargs)

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect of one call and its arguments by name; None for an operation that runs no model."""
        if isinstance(self.dialect, Dialect):
            return self.dialect, {**dict(zip(self.arguments, args, strict=False)), **kwargs} if args else kwargs
        dialect = self.dialect.get(args[0]) if len(args) == 2 else None
        return None if dialect is None else (dialect, args[-1])


class Muted(NamedTuple):
    """Something in an SDK that traces its calls: inside ours it is replaced, or one call would be billed twice.

    ``path`` in ``module`` is a property or a function, whose value is ``silent`` then, or an object, for which ``silent``
    stands in.
    """

    module: str
    path: str
    silent: Any = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server of a client: its seller and its address."""

    seller: Seller
    address: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """One SDK: its package, its family, its targets, who bills by default.

    ``name`` is the value of ``gen_ai.provider.name`` for an unknown address. ``modes`` maps the class of the
    server's owner to the provider that it stands for (``AzureOpenAI``). ``server`` is for an SDK that keeps its address
    elsewhere than its family does. ``usage_option`` is how streams are asked for their usage; None: never, so an SDK
    whose streams report it anyway says nothing. ``error_by_status`` marks an SDK that raises one class for all statuses:
    the status then is the ``error.type`` of an error without a known code of the provider.
    ``callbacks`` names methods, (module, path), in which the SDK runs code of the app: calls that this code makes are calls
    of their own. ``watched`` names further methods that other instrumentors of this SDK patch. ``arrivals`` names the
    methods to which the SDK hands the HTTP response of each call as the argument ``response``. ``muted`` names what the
    SDK traces itself with.
    """

    sdk: str
    name: str
    family: Family
    targets: tuple[Target, ...]
    modes: Mapping[str, str] = field(default_factory=dict[str, str])
    server: Callable[[Any], Server | None] | None = None
    usage_option: UsageOption | None = None
    error_by_status: bool = False
    callbacks: tuple[tuple[str, str], ...] = ()
    watched: tuple[tuple[str, str], ...] = ()
    arrivals: tuple[tuple[str, str], ...] = ()
    muted: tuple[Muted, ...] = ()


def both(
    module: str,
    owner: str,
    method: str,
    dialect: Dialect,
    *,
    arguments: Iterable[str] = (),
    manager: bool = False,
    lazy: bool = False,
    inner: str = "",
    above: Iterable[str] = (),
    twin: str = "Async{owner}.{method}",
) -> tuple[Target, Target]:
    """The sync and the async twin of one method: ``Owner.method`` and, by default, ``AsyncOwner.method``."""
    other = twin.format(owner=owner, method=method)
    made = Target(
        module,
        f"{owner}.{method}",
        dialect,
        manager=manager,
        lazy=lazy,
        inner=inner,
        arguments=tuple(arguments),
        above=tuple(above),
    )
    return made, replace(made, path=other, awaited=True)
