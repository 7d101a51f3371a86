"""OTLP in, every call to a model booked once, money exact: what the reports are asked of."""

from genmeter.ledger.booking import Price
from genmeter.ledger.call import Call
from genmeter.ledger.decode import Encoding
from genmeter.ledger.errors import BadPayload, StorageError, TooLarge
from genmeter.ledger.ledger import Booked, Ledger
from genmeter.ledger.questions import Outcome, Window
from genmeter.ledger.store import Store

__all__ = [
    "BadPayload",
    "Booked",
    "Call",
    "Encoding",
    "Ledger",
    "Outcome",
    "Price",
    "StorageError",
    "Store",
    "TooLarge",
    "Window",
]
