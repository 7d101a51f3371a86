"""The service around the ledger: OTLP in, JSON and Prometheus out, and one page to look at."""

from genmeter.server.access import Keys, TokenFile, TokenRequired, require_token
from genmeter.server.application import Application
from genmeter.server.budgetfile import BudgetFile
from genmeter.server.connection import Patience
from genmeter.server.front import Limits, Server, serve
from genmeter.server.ingest import BodySizes

__all__ = [
    "Application",
    "BodySizes",
    "BudgetFile",
    "Keys",
    "Limits",
    "Patience",
    "Server",
    "TokenFile",
    "TokenRequired",
    "require_token",
    "serve",
]
