"""The data of one call to a model: its request, its response, its usage, its cost and its payer.

The module imports neither OpenTelemetry nor an SDK, because all parts of genmeter share these classes: the code inside
the application, the prices, the ledger and the commands.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from genmeter.units import Usage

AttributeValue = str | bool | int | float | Sequence[str]

PICO = 10**12
"""The number of pico-USD in one US dollar. Inside genmeter, money is always a whole number of pico-USD."""

MOST_TOKENS = 2**40
"""The largest count that one call may report. A larger count is an error of the server and is never billed.

OTLP cannot carry a whole number beyond 2**63.
"""

SCOPES = ("provider", "model", "department", "application", "environment")
"""The fields by which the ledger keeps amounts apart. A budget's scope is made of these."""


def usd(pico: int) -> str:
    """Pico-USD as an exact decimal string of US dollars, with 2 to 12 decimals. Nothing is rounded.

    >>> usd(1_500_000_000_000), usd(-8_240_000), usd(0)
    ('1.50', '-0.00000824', '0.00')
    """
    whole, fraction = divmod(abs(pico), PICO)
    decimals = f"{fraction:012d}".rstrip("0").ljust(2, "0")
    return f"{'-' if pico < 0 else ''}{whole}.{decimals}"


class Seller(NamedTuple):
    """The company that bills for a call.

    ``id`` is the seller's id in the price catalogue; None means that the seller is unknown. ``name`` is the value of
    ``gen_ai.provider.name``. ``region`` is the price region that the address tells ("us", "eu", ...), else None.
    """

    id: str | None
    name: str
    region: str | None = None


class Cost(NamedTuple):
    """A priced call. ``total`` and ``lines`` are pico-USD and the lines add up to the total.

    ``lines`` holds (kind, pico-USD) with kinds from ``names.COST_KINDS``. ``source`` is ``local`` (our catalogue or the
    user's prices) or ``provider`` (the response stated the amount). ``catalogue`` is the version that priced it and
    ``entry`` the row, so that the sum can be done again. ``partial`` marks a cut stream: the usage seen until then is priced.
    """

    total: int
    lines: tuple[tuple[str, int], ...]
    source: str
    catalogue: str
    entry: str
    partial: bool = False


class Unpriced(NamedTuple):
    """A call without a price: the reason, one of ``names.UNPRICED_REASONS``, and details in words for a person."""

    reason: str
    detail: str = ""


class Served(NamedTuple):
    """Who served a call, where only the answer says so: an address, or a name of a seller where no address is known.

    ``url`` is text. ``seller`` counts where the address is that of no known seller; None leaves such a seller unknown.
    """

    url: str | None
    seller: str | None


Verdict = Cost | Unpriced
"""What the price book answers to a question."""


class Round(NamedTuple):
    """One of several runs of models inside one call. ``model`` is None for the model that answered the call."""

    model: str | None
    usage: Usage


@dataclass(slots=True)
class Request:
    """The request of the application. ``attributes`` are attributes of the span, under the names of the conventions."""

    model: str | None = None
    stream: bool = False
    service_tier: str | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])


@dataclass(slots=True)
class Response:
    """The response of the provider, as far as it has arrived.

    ``reported_cost`` is the amount in pico-USD that the response itself states. ``unpriced`` names what the call used
    beside what is counted here: the provider's own tools, and parts of the usage that no reader knows or can read.
    ``unread`` holds the tokens of such parts by the name of their field, a name once for each report. ``rounds`` are the
    runs of models that add up to the usage, where one answer took several: each is priced by itself. ``answered`` says
    that the answer has words or calls a tool. ``invalid`` says which count cannot be true, so that the call is not priced.
    ``served`` says who served the call, where that was not known when the call was made.
    """

    id: str | None = None
    model: str | None = None
    finish_reasons: Sequence[str] = ()
    service_tier: str | None = None
    region: str | None = None
    batch: bool = False
    reported_cost: int | None = None
    unpriced: tuple[str, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()
    rounds: tuple[Round, ...] = ()
    answered: bool = False
    invalid: str | None = None
    served: Served | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])


@dataclass(slots=True)
class Content:
    """Messages in the conventions' JSON shapes; filled only while content capture is on."""

    system: list[dict[str, Any]] | None = None
    input: list[dict[str, Any]] | None = None
    output: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None


class Attribution(NamedTuple):
    """The payer of a call. ``user`` is a keyed hash, or raw where the settings say so; None means unknown."""

    user: str | None = None
    department: str | None = None
    application: str | None = None
    session: str | None = None


class Maker(NamedTuple):
    """The part of a program that makes a call: the nearest agent, the outermost workflow, the agents around, the conversation.

    ``path`` has the names of the agents from the outermost to the nearest, with ``/`` between them. None means unknown.
    """

    agent: str | None = None
    workflow: str | None = None
    path: str | None = None
    conversation: str | None = None


@dataclass(slots=True)
class Invocation:
    """One call to a model, from its start until the last byte of its response. The stages read this record.

    ``started`` is Unix time in seconds; ``duration`` and ``first_chunk`` are seconds since then. ``gaps`` holds the
    seconds before each chunk after the first. ``cut`` tells how a stream stopped before its end (``closed``,
    ``abandoned``, ``cancelled``), else it is None. ``error`` is the ``error.type`` of a failed call. ``answered`` says that
    the whole answer of a failed call arrived: the SDK could not make of it what the application asked for. ``unread`` marks a
    call whose request or payer could not be read because of a fault of ours. ``told`` marks a
    call that was over before the program told of it: how long it took is not known. ``reserved`` is what is held for the
    call in shared budgets until its cost is known. ``frame`` is the run of a block that the call is counted in, until it
    is counted.
    """

    operation: str
    seller: Seller
    request: Request
    address: str | None = None
    port: int | None = None
    started: float = 0.0
    duration: float = 0.0
    first_chunk: float | None = None
    gaps: array[float] | None = None
    response: Response = field(default_factory=Response)
    usage: Usage | None = None
    cost: Cost | Unpriced | None = None
    attribution: Attribution = Attribution()
    maker: Maker = Maker()
    content: Content | None = None
    error: str | None = None
    exception: BaseException | None = None
    cut: str | None = None
    answered: bool = False
    unread: bool = False
    told: bool = False
    reserved: tuple[object, ...] = ()
    frame: object | None = None
