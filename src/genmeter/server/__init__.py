"""The service around the ledger: OTLP in, JSON and Prometheus out, and one page to look at."""

from genmeter.server.access import TokenFile, TokenRequired, require_token
from genmeter.server.application import Application
from genmeter.server.budgetfile import BudgetFile
from genmeter.server.ingest import BodySizes
from genmeter.server.stdlib import Server, serve

__all__ = ["Application", "BodySizes", "BudgetFile", "Server", "TokenFile", "TokenRequired", "require_token", "serve"]
