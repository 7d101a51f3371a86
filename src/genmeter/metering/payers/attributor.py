"""Finds who pays for a call, hashes the user, and keeps the policy for calls without a payer."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from opentelemetry.context import Context

from ... import names, userkeys
from ...credentials import scrub
from ...errors import GenmeterError
from ...model import Attribution
from ...settings import Settings, SettingsError
from ...state import users_file
from ...texts import name_of
from ...userkeys import UserKey
from .attribution import ATTRIBUTION, NO_PAYER, payer
from .baggage import Carried
from .rules import UnattributedCall

MOST_HASHES = 10_000
"""Users whose hashes are remembered; bounds the memory of an app with many users."""
logger = logging.getLogger("genmeter")


class Attributor:
    """Finds who pays for a call: the code around the call, the settings, then incoming baggage that is proven.

    The settings of a program are checked here: ``SettingsError`` for a payer that has no text.
    """

    def __init__(self, settings: Settings, resource: Callable[[], Mapping[str, str]] = dict) -> None:
        self.settings = settings
        self.rejects = settings.unattributed == "reject"
        self.checks = settings.unattributed != "off"
        self._resource = resource
        self._carried = Carried(settings) if settings.baggage else None
        try:
            self._configured = payer(**settings.attribution)
        except TypeError as error:
            raise SettingsError(str(error)) from None
        self.keys, self._lost = _keys_of(settings)
        self._hashes: dict[str, str] = {}
        self._said: set[str] = set()

    @cached_property
    def _application(self) -> str | None:
        """The application, failing all else: the resource's ``service.name``."""
        service = self._resource().get(names.SERVICE_NAME, "unknown_service")
        return None if service.startswith("unknown_service") else scrub(name_of(service) or "") or None

    @cached_property
    def _defaults(self) -> Attribution:
        """The payer of a call about which neither the code nor baggage says anything."""
        found = self._configured
        user = found.user and self.pseudonym(found.user)
        return found._replace(user=user, application=found.application or self._application)

    def find(self, context: Context) -> Attribution:
        """Who pays for a call made in ``context``; the user already hashed."""
        given: Any = context.get(ATTRIBUTION)
        carried = self._carried.find(context) if self._carried is not None else NO_PAYER
        if given is None and carried is NO_PAYER:
            return self._defaults
        code, configured, defaults = given or NO_PAYER, self._configured, self._defaults
        user = code.user or configured.user or carried.user
        return Attribution(
            self.pseudonym(user) if user else None,
            code.department or configured.department or carried.department,
            code.application or configured.application or carried.application or defaults.application,
            code.session or configured.session or carried.session,
        )

    def pseudonym(self, user: str) -> str:
        """The user as it leaves the process: a keyed hash, or the id itself where the settings say so."""
        known = self._hashes.get(user)
        if known is None:
            known = scrub(user) if self.settings.raw_users else self._hashed(user)
            if len(self._hashes) >= MOST_HASHES:
                self._hashes.clear()
            self._hashes[user] = known
        return known

    def _hashed(self, user: str) -> str:
        if self._lost:
            self._once(
                "key",
                f"genmeter: {self._lost}: user ids are hashed with a random key of this process, so the same user has "
                "another id in the next; point GENMETER_USER_KEY_FILE to a file of 32 random bytes to make them stable",
            )
        return userkeys.pseudonym(self.keys[-1], user)

    def missing(self, found: Attribution) -> list[str]:
        """The required fields that a call lacks."""
        return [name for name in self.settings.required if getattr(found, name) is None]

    def check(self, found: Attribution) -> bool:
        """Apply the policy to a call's attribution. True: tag the call as unattributed.

        Raises:
            UnattributedCall: the policy is ``reject`` and a required field is missing.
        """
        policy = self.settings.unattributed
        if not self.checks:
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


def _keys_of(settings: Settings) -> tuple[tuple[UserKey, ...], str]:
    """The keys, the newest last, and why the one key is a random one; empty where the keys outlive the process."""
    if settings.keys:
        return settings.keys, ""
    random = (UserKey(1, secrets.token_bytes(32)),)
    if settings.raw_users:
        return random, ""
    path = "the key file in the state folder"
    try:
        path = str(users_file())
        return userkeys.make(Path(path)), ""
    except (OSError, RuntimeError, GenmeterError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return random, f"{path} cannot be used ({reason})"
