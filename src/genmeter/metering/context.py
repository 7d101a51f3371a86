"""What the OpenTelemetry context says about a call: who pays, whether to look at it at all, what it lies within."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import logging
import secrets
from collections.abc import Callable, Mapping
from contextvars import Token
from functools import cached_property, wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import baggage
from opentelemetry.context import (
    _RUNTIME_CONTEXT,  # pyright: ignore[reportPrivateUsage]
    Context,
    attach,
    create_key,
    get_value,
    set_value,
)

from .. import names
from ..errors import GenmeterError
from ..model import Attribution
from ..settings import Settings
from .notices import notices

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTION = create_key("genmeter-attribution")
WITHIN = create_key("genmeter-within")
SUPPRESSED = ("suppress_instrumentation", "suppress_language_model_instrumentation")
BAGGAGE_KEYS = {
    "user": names.USER_ID,
    "department": names.DEPARTMENT,
    "application": names.APPLICATION,
    "session": names.SESSION_ID,
}
HASHED = "u-"
NO_PAYER = Attribution()
logger = logging.getLogger("genmeter")


class Within:
    """The mark in the context of an observed call: the SDK's own code runs inside.

    ``arrived`` is the HTTP response of the call, once the SDK has it and until the call ends, in the SDKs whose table
    says where answers arrive.
    """

    __slots__ = ("arrived", "operation", "sdk")

    def __init__(self, sdk: str, operation: str) -> None:
        self.sdk = sdk
        self.operation = operation
        self.arrived: Any = None


def within(context: Context) -> Within | None:
    """The observed call inside which code with this context runs."""
    return cast("Within | None", context.get(WITHIN))


class RejectedCall(GenmeterError, RuntimeError):
    """A call that a rule of the user's own forbids: the one kind of exception of ours that reaches the app."""


class UnattributedCall(RejectedCall):
    """Raised before any request is sent, when the policy for calls without attribution is ``reject``."""


def suppressed(context: Context) -> bool:
    """Whether someone asked for no instrumentation here."""
    return bool(context.get(SUPPRESSED[0]) or context.get(SUPPRESSED[1]))


def detach(token: Token[Context]) -> None:
    """Leave an attached context; quiet when a coroutine is closed by the collector from another context.

    ``opentelemetry.context.detach`` would log "Failed to detach context" there, although nothing has failed.
    """
    try:
        _RUNTIME_CONTEXT.detach(token)
    except (ValueError, RuntimeError, TypeError):
        pass  # TypeError: attaching had failed, and there is no token


class attribution:  # noqa: N801  used like a function
    """Say who pays for the calls made inside, as a context manager or a decorator, sync or async.

    Nested uses inherit what they do not set. ``user`` leaves the process only as a keyed hash, unless the settings say
    ``user_ids = "raw"``.

    As a context manager, here with a function that shows the payer as a call inside it would find it:

    >>> def payer():
    ...     return get_value(ATTRIBUTION)
    >>> with attribution(department="research", session="s-1"):
    ...     with attribution(user="ada@example.com"):
    ...         payer()
    Attribution(user='ada@example.com', department='research', application=None, session='s-1')

    As a decorator:

    >>> attribution(application="desk")(payer)().application
    'desk'
    """

    def __init__(
        self,
        *,
        user: str | None = None,
        department: str | None = None,
        application: str | None = None,
        session: str | None = None,
    ) -> None:
        self._given = Attribution(user, department, application, session)
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> attribution:
        if not notices.attributed:
            notices.attribute()
        outer = cast("Attribution | None", get_value(ATTRIBUTION)) or NO_PAYER
        merged = Attribution(*(new if new is not None else old for new, old in zip(self._given, outer, strict=True)))
        self._tokens.append(attach(set_value(ATTRIBUTION, merged)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        detach(self._tokens.pop())

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
        given = self._given._asdict()
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with attribution(**given):
                    return await function(*args, **kwargs)

            return cast(F, run_async)

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with attribution(**given):
                return function(*args, **kwargs)

        return cast(F, run)


class Attributor:
    """Finds who pays for a call: the context, then allow-listed baggage, then the settings' defaults."""

    def __init__(self, settings: Settings, resource: Callable[[], Mapping[str, str]] = dict) -> None:
        self.settings = settings
        self._resource = resource
        self._allowed = tuple((BAGGAGE_KEYS[name], name) for name in settings.baggage)
        self._key = settings.user_key or secrets.token_bytes(32)
        self._hashes: dict[str, str] = {}
        self._said: set[str] = set()

    @cached_property
    def _defaults(self) -> Attribution:
        """What the settings say; the application, failing that, is the resource's ``service.name``."""
        service = self._resource().get(names.SERVICE_NAME, "unknown_service")
        application = None if service.startswith("unknown_service") else service
        return Attribution(**{"application": application, **self.settings.attribution})

    def find(self, context: Context) -> Attribution:
        """Who pays for a call made in ``context``; the user already hashed."""
        given = cast("Attribution | None", context.get(ATTRIBUTION))
        carried = self._carried(context) if self._allowed else NO_PAYER
        if given is None and carried is NO_PAYER and self._defaults.user is None:
            return self._defaults
        user, department, application, session = (
            next((value for value in found if value is not None), None)
            for found in zip(given or NO_PAYER, carried, self._defaults, strict=True)
        )
        return Attribution(self.pseudonym(user) if user else None, department, application, session)

    def _carried(self, context: Context) -> Attribution:
        found = baggage.get_all(context)
        if not found:
            return NO_PAYER
        values = {name: str(found[key])[:256] for key, name in self._allowed if key in found}
        return Attribution(**values) if values else NO_PAYER

    def pseudonym(self, user: str) -> str:
        """The user as it leaves the process: ``u-`` and 128 bits of HMAC-SHA-256 under the key, or raw if so set."""
        if self.settings.raw_users or (user.startswith(HASHED) and len(user) == len(HASHED) + 32):
            return user
        known = self._hashes.get(user)
        if known is None:
            if self.settings.user_key is None:
                self._once(
                    "key",
                    "genmeter: no GENMETER_USER_KEY_FILE: user ids are hashed with a random key of this process, so the "
                    "same user has another id in the next; point it to a file of 32 random bytes to make them stable",
                )
            known = HASHED + hmac.new(self._key, user.encode(), hashlib.sha256).hexdigest()[:32]
            if len(self._hashes) >= 10_000:
                self._hashes.clear()
            self._hashes[user] = known
        return known

    def missing(self, found: Attribution) -> list[str]:
        """The required fields that a call lacks."""
        return [name for name in self.settings.required if getattr(found, name) is None]

    def check(self, found: Attribution) -> bool:
        """Apply the policy to a call's attribution. True: tag the call as unattributed.

        Raises:
            UnattributedCall: the policy is ``reject`` and a required field is missing.
        """
        policy = self.settings.unattributed
        if policy == "off":
            return False
        missing = self.missing(found)
        if not missing:
            return False
        fields = ", ".join(missing)
        if policy == "reject":
            raise UnattributedCall(
                f"genmeter: this call has no {fields}, and the policy for such calls is reject: no request was sent. "
                "Make it inside `with genmeter.attribution(...)`, or set defaults (GENMETER_APPLICATION, ...)"
            )
        if policy == "warn":
            self._once(fields, f"genmeter: calls without {fields}: make them inside `with genmeter.attribution(...)`")
        return True

    def _once(self, key: str, words: str) -> None:
        if key not in self._said:
            self._said.add(key)
            logger.warning(words)
