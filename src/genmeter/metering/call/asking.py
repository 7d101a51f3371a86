"""Asking a stream what it used: OpenAI-shaped streams report no usage unless an option in the request asks for it.

The one documented exception to never changing the caller's arguments: the option goes into a copy of them, the extra
chunk that it brings is hidden, and a server that refuses it gets the caller's own call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..spec import Endpoint, Kwargs, UsageOption

REFUSALS = (400, 404, 422)
REPORTING = frozenset({"openrouter", "x_ai", "perplexity", "mistral_ai"})
"""Sellers whose streams report usage to every caller: the app may read it there, so nothing is added or hidden."""

Status = Callable[[BaseException], int | None]
Address = tuple[str | None, int | None]


class Asking:
    """What is known of each server: whether it takes the option."""

    def __init__(self) -> None:
        self._takes: dict[Address, bool] = {}

    def ask(
        self, endpoint: Endpoint, option: UsageOption, status: Status, kwargs: Kwargs
    ) -> tuple[Asked, Kwargs] | None:
        """A streamed call that asks for usage, and its arguments; None where it must not be asked."""
        address = endpoint.address, endpoint.port
        if endpoint.seller.name in REPORTING or self._takes.get(address) is False:
            return None
        # A refused call is made again, and a generator gives its messages only once.
        for value in kwargs.values():
            if isinstance(value, Iterator):
                return None
        asking = option.add(kwargs)
        return None if asking is None else (Asked(self, address, option, status, kwargs), asking)

    def takes(self, address: Address) -> bool | None:
        """Whether the server takes the option; None: not known yet."""
        return self._takes.get(address)

    def learn(self, address: Address, takes: bool) -> None:
        """Remember whether the server took the option."""
        if len(self._takes) >= 1024:
            self._takes.clear()
        self._takes[address] = takes


class Asked:
    """One call that was asked for its usage.

    ``given`` are the caller's own arguments. ``stands`` is False once the server has refused the option.
    """

    __slots__ = ("_address", "_asking", "_status", "given", "option", "stands")

    def __init__(self, asking: Asking, address: Address, option: UsageOption, status: Status, given: Kwargs) -> None:
        self._asking = asking
        self._address = address
        self._status = status
        self.option = option
        self.given = given
        self.stands = True

    def refused(self, error: BaseException) -> bool:
        """Whether ``error`` may be about our option: servers word that in many ways or not at all.

        Any such status counts until the server has once taken the option: the caller's own call is made then, and its
        answer is the call's.
        """
        if not self.stands or self._status(error) not in REFUSALS or self._asking.takes(self._address):
            return False
        self.stands = False
        return True

    def answered(self) -> None:
        """The server has begun a stream: remember what it took."""
        self._asking.learn(self._address, self.stands)
