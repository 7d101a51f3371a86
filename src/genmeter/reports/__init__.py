"""Questions put to the ledger: pure functions that return plain data; whoever renders them decides how it looks."""

from genmeter.reports.receipts import Receipt, receipt
from genmeter.reports.spending import Row, spend, total
from genmeter.reports.tracing import Node, Trace, calls, trace
from genmeter.reports.unpricing import Gap, unpriced

__all__ = ["Gap", "Node", "Receipt", "Row", "Trace", "calls", "receipt", "spend", "total", "trace", "unpriced"]
