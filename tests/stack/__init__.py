"""The real servers on loopback, for a person (``make stack``) and for tests: collector, ledger and the back ends.

Built from their locks by ``.ci/servers``, one configuration each from ``collector-config/``, ports that are free.
"""

from tests.stack.roster import ALL
from tests.stack.server import Server, StackError
from tests.stack.stack import Stack

__all__ = ["ALL", "Server", "Stack", "StackError"]
