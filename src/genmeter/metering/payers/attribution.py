"""Who pays, as the app says it around its calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import lru_cache, wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry.context import Context, attach, create_key, get_value, set_value

from ...credentials import scrub
from ...model import Attribution
from ...texts import LONGEST, name_of
from ..context import detach
from ..notices import notices

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTION = create_key("genmeter-attribution")
NO_PAYER = Attribution()

_entered: ContextVar[tuple[tuple[object, Token[Context]], ...]] = ContextVar("genmeter-entered", default=())
"""The blocks that this thread or task is in. One ``attribution`` may be entered by several of them at the same time."""


class attribution:  # noqa: N801  used like a function
    """Say who pays for the calls made inside, as a context manager or a decorator, sync or async.

    A value is any object that has a text: a string, a number, a UUID, a member of an enum, an object with ``__str__``. An
    empty text says nothing. Texts longer than 256 characters are cut. Nested uses inherit what they do not set. ``user``
    leaves the process only as a keyed hash, unless the settings say ``user_ids = "raw"``.

    As a context manager, here with a function that shows the payer as a call inside it would find it:

    >>> def payer():
    ...     return get_value(ATTRIBUTION)
    >>> with attribution(department="research", session="s-1"):
    ...     with attribution(user=7):
    ...         payer()
    Attribution(user='7', department='research', application=None, session='s-1')

    As a decorator:

    >>> attribution(application="desk")(payer)().application
    'desk'

    Raises:
        TypeError: a value that has no text.
    """

    def __init__(
        self,
        *,
        user: object = None,
        department: object = None,
        application: object = None,
        session: object = None,
    ) -> None:
        self._given = payer(user=user, department=department, application=application, session=session)

    def __enter__(self) -> attribution:
        if not notices.attributed:
            notices.attribute()
        outer = cast("Attribution | None", get_value(ATTRIBUTION)) or NO_PAYER
        merged = Attribution(*(new if new is not None else old for new, old in zip(self._given, outer, strict=True)))
        _entered.set((*_entered.get(), (self, attach(set_value(ATTRIBUTION, merged)))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entered = _entered.get()
        for at in range(len(entered) - 1, -1, -1):
            block, token = entered[at]
            if block is self:
                _entered.set((*entered[:at], *entered[at + 1 :]))
                detach(token)
                return

    async def __aenter__(self) -> attribution:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Decorate a function, sync or async; TypeError for a generator, whose body runs elsewhere."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"genmeter.attribution cannot decorate the generator {function.__qualname__}: its body runs in its "
                "consumer's context; use `with genmeter.attribution(...)` around the calls inside it"
            )
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return cast(F, run_async)

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast(F, run)


def payer(
    user: object = None, department: object = None, application: object = None, session: object = None
) -> Attribution:
    """The payer in texts. Raises ``TypeError`` for a value that has none, and names the field."""
    return Attribution(
        None if user is None else _text("user", user),
        None if department is None else _text("department", department),
        None if application is None else _text("application", application),
        None if session is None else _text("session", session),
    )


def _text(field: str, value: object) -> str | None:
    if type(value) is str and len(value) <= LONGEST:
        return _short(field, value)
    try:
        text = name_of(value, whole=field in ("user", "session"))
    except TypeError as error:
        raise TypeError(f"genmeter.attribution({field}=...): {error}") from None
    return None if text is None else _short(field, text)


@lru_cache(4096)
def _short(field: str, text: str) -> str | None:
    """A text of bounded length as it may leave. A user leaves as a hash, so two keys must stay two users."""
    name = name_of(text)
    return name if name is None or field == "user" else scrub(name)
