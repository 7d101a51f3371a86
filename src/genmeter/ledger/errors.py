"""The errors of the ledger, in words for the person who has to act."""

from genmeter.errors import GenmeterError


class BadPayload(GenmeterError, ValueError):
    """The body is not the OTLP message that it claims to be; sending it again will not help."""


class StorageError(GenmeterError, RuntimeError):
    """The store did not take a batch, or cannot be opened; nothing of the batch was booked, so it may be sent again."""


class TooLarge(BadPayload):
    """The body holds more than one request may; smaller batches of the same records are taken."""
