"""Asking a stream what it used: OpenAI-shaped streams report no usage unless an option in the request asks for it.

The one documented exception to never changing the caller's arguments: the option goes into a copy of them, the extra
chunk that it brings is hidden, and a server that refuses it gets the caller's own call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..spec import Complaint, Endpoint, Kwargs, UsageOption

REFUSALS = (400, 404, 422)
REPORTING = frozenset({"openrouter", "x_ai", "perplexity", "mistral_ai"})
"""Sellers whose streams report usage to every caller: the app may read it there, so nothing is added or hidden."""
VAGUE = frozenset(
    {
        *("", "none", "null", "bad_request", "badrequest", "bad_request_error", "badrequesterror", "not_found"),
        *("invalid_request", "invalid_request_error", "invalid_argument", "invalid_parameter", "invalid_value"),
        *("unknown_parameter", "unrecognized_parameter", "unsupported_parameter", "unsupported_value"),
        *("extra_forbidden", "validation_error", "unprocessable_entity"),
    }
)
"""Error codes that may mean our option, or anything else."""
NO_REASON = frozenset({"", "bad request", "invalid request", "not found", "unprocessable entity"})
MOST_REASONS = 4
"""So many requests in vain does one server get in a process at most."""

Address = tuple[str | None, int | None]


@dataclass(slots=True)
class Server:
    """What is known of one server.

    ``takes``: whether it takes the option. ``unasked``: whether its streams report usage to callers who do not ask. None
    means that no stream has shown it yet. ``elsewhere`` are reasons with which it refused a call that had no option too.
    """

    takes: bool | None = None
    unasked: bool | None = None
    elsewhere: set[str] = field(default_factory=set[str])

    def refuses_alike(self, reason: str) -> None:
        """It refused a call with the option and without it, and said the same reason."""
        self.elsewhere.add(reason)
        # A server that gives no reasons, or always another, could refuse the option and never say so.
        if reason in NO_REASON or len(self.elsewhere) >= MOST_REASONS:
            self.takes = False


class Asking:
    """Which streams are asked, by what is known of each server."""

    def __init__(self) -> None:
        self._servers: dict[Address, Server] = {}

    def ask(
        self,
        endpoint: Endpoint,
        option: UsageOption,
        complaint: Callable[[BaseException], Complaint],
        kwargs: Kwargs,
    ) -> tuple[Asked, Kwargs] | None:
        """A streamed call that may report its usage, and its arguments; None where it must not be asked."""
        if endpoint.seller.name in REPORTING:
            return None
        server = self.server((endpoint.address or endpoint.seller.name, endpoint.port))
        if server.takes is False or server.unasked:
            return None
        # A refused call is made again, and a generator gives its messages only once.
        for value in kwargs.values():
            if isinstance(value, Iterator):
                return None
        asking = option.add(kwargs)
        if asking is None:
            return None
        # Without a seller there is no price to lose: the first stream shows what the server's apps are used to.
        if endpoint.seller.id is None and server.unasked is None:
            return Asked(server, option, complaint, kwargs, stands=False), kwargs
        return Asked(server, option, complaint, kwargs), asking

    def server(self, address: Address) -> Server:
        """What is known of the server at an address."""
        found = self._servers.get(address)
        if found is None:
            if len(self._servers) >= 1024:
                self._servers.clear()
            found = self._servers[address] = Server()
        return found


class Asked:
    """One call that was asked for its usage.

    ``given`` are the caller's own arguments. ``stands`` is False once the server has refused the option, and for a call
    that was left as it was, to see whether the server reports unasked.
    """

    __slots__ = ("_asked", "_complaint", "_refusal", "_server", "given", "option", "stands")

    def __init__(
        self,
        server: Server,
        option: UsageOption,
        complaint: Callable[[BaseException], Complaint],
        given: Kwargs,
        *,
        stands: bool = True,
    ) -> None:
        self._server = server
        self._complaint = complaint
        self._refusal: str | None = None
        self._asked = stands
        self.option = option
        self.given = given
        self.stands = stands

    def refused(self, error: BaseException) -> bool:
        """Whether ``error`` may be about our option: then the caller's own call is made, and its answer is the call's.

        Servers word that in many ways or not at all. A refusal that names something else is none of ours, nor is any
        refusal of a server that has taken the option once, nor a reason that the server also gave without the option.
        """
        status, code, param, text = self._complaint(error)
        reason = re.sub(r"\W*\d\w*", "", text).strip(" .").lower()
        if self._refusal is not None:
            if reason == self._refusal:
                self._server.refuses_alike(reason)
            return False
        if not self.stands or status not in REFUSALS or self._server.takes:
            return False
        if not self.option.names(text) and (param or code.lower() not in VAGUE or reason in self._server.elsewhere):
            return False
        self._refusal, self.stands = reason, False
        return True

    def answered(self) -> None:
        """The server has begun a stream: remember what it took."""
        if self._asked:
            self._server.takes = self.stands

    def ended(self, *, reported: bool) -> None:
        """A stream was read to its end: whether it reported its usage."""
        if not self._asked:
            self._server.unasked = reported
