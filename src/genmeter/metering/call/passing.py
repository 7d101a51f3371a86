"""A call that we leave to another instrumentation: the SDK's own code inside it is not metered either."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from opentelemetry.context import attach, get_current, set_value

from .. import guard
from ..context import WITHIN, Within, detach
from ..spec import Kwargs
from .answer import shown


class Unfolded:
    """Where the chunks of a stream go that is not ours to see: a ``spec.Chunks``."""

    fold = hides = staticmethod(shown)

    def unfolded(self, chunk: Any, error: Exception) -> bool:
        """No chunk is hidden."""
        return False


class Passing:
    """A ``spec.OpenCall`` that records nothing.

    Inside it, the methods that an SDK's method calls pass as well, and the SDK's own tracing is muted: otherwise the
    instrumentation that has the call would not be the only one that bills it.
    """

    __slots__ = ("_token", "_within", "kwargs")

    chunks = Unfolded()
    streamed = asked = open = False
    passes = True
    arrived: Any = None

    def __init__(self, sdk: str, operation: str, kwargs: Kwargs) -> None:
        self._within = Within(sdk, operation)
        self._token: Any = None
        self.kwargs = kwargs

    def __enter__(self) -> Passing:
        self._token = guard.step("context", attach, set_value(WITHIN, self._within, get_current()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        guard.step("context", detach, self._token)
        return False

    def begin(self, *, sent: bool = True) -> None:
        """Nothing is recorded, here and below."""

    def head(self, result: Any) -> None:
        """See ``begin``."""

    def read(self, result: Any) -> None:
        """See ``begin``."""

    def close(self) -> None:
        """See ``begin``."""

    def stop(self, error: BaseException) -> None:
        """See ``begin``."""

    def rest(self, error: BaseException) -> None:
        """See ``begin``."""

    def leave(self) -> None:
        """See ``begin``."""

    def abandon(self) -> None:
        """See ``begin``."""
