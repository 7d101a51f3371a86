"""Questions put to the ledger. Each module answers one with plain data; ``registry`` lists the reports that the command, the API and the page show.

Importing this package loads neither the ledger nor its database: the command line reads the list of reports at each start.
"""

from genmeter.reports.receipts import Receipt, receipt
from genmeter.reports.spending import Row, spend, total
from genmeter.reports.tracing import Node, Trace, calls, trace
from genmeter.reports.unpricing import Gap, unpriced

__all__ = ["Gap", "Node", "Receipt", "Row", "Trace", "calls", "receipt", "spend", "total", "trace", "unpriced"]
