"""Names of spans and lines of logs of programs that talk to models: either may hold what was said.

A framework names a span after the question that it was asked, and an SDK's logger prints the request. Their text has no
mark that tells a name from a prompt, so a text is kept only where it cannot be one. The rule holds in the ledger's file,
and the collector's configuration is made of the same table, ``talkers`` in ``data/conventions.json``:

- ``scopes``: instrumentation scopes and loggers of such programs, with all below them. A ``*`` at the end stands for any end.
- ``marks``: attributes that only a record of such a program has.
- ``named``: operation → the attribute that a span's name has behind the operation, by the conventions. All other
  operations have the model there.

genmeter's own names hold an operation and a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from genmeter import names

LONGEST: Final = 100
"""The most characters of a name of theirs that is kept. It has no blank either: a prompt has."""
LONGEST_OTHER: Final = 256
"""The most characters of the name of any other span."""
NAME: Final = rf"^[!-~]{{1,{LONGEST}}}$"
"""A name that is kept as it is."""
_NAME: Final = re.compile(NAME)

Attributes = Mapping[str, Any]


class Talkers:
    """The table, asked about scopes and spans. ``pattern`` is the regular expression of the scopes, for Python and Go."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.pattern = pattern(data["scopes"])
        self.marks: tuple[str, ...] = tuple(data["marks"])
        self.named: dict[str, str] = data["named"]
        self._scope = re.compile(self.pattern)

    def span_name(self, name: str, scope: str, attributes: Attributes) -> str:
        """The name of a span as it is kept: its own, or one that is made of what the span says of the call.

        >>> from genmeter.reading.conventions import bundled
        >>> bundled().talkers.span_name("What ails me?", "langchain", {"gen_ai.operation.name": "chat"})
        'chat'
        """
        if scope == names.SCOPE:
            return name
        if _NAME.match(name) or not (any(mark in attributes for mark in self.marks) or self._scope.match(scope)):
            return name[:LONGEST_OTHER]
        operation = attributes.get(names.OPERATION)
        if not isinstance(operation, str):
            return scope[:LONGEST_OTHER]
        word = attributes.get(self.named.get(operation, names.REQUEST_MODEL))
        return (f"{operation} {word}" if isinstance(word, str) else operation)[:LONGEST_OTHER]


def pattern(scopes: Iterable[str]) -> str:
    r"""One pattern for scopes, in the syntax that Python and Go share.

    >>> print(pattern(["openai", "codex_*"]))
    ^(?i:openai|codex_[^./:]*)([./:_-].*)?$
    """
    each = (re.escape(one.removesuffix("*")) + ("[^./:]*" if one.endswith("*") else "") for one in scopes)
    return f"^(?i:{'|'.join(each)})([./:_-].*)?$".replace("\\-", "-").replace("\\/", "/")
