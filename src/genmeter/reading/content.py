"""Attributes of other programs that hold what was said: prompts, answers, documents, arguments and results of tools.

The table stands in ``data/conventions.json`` under ``content``. The collector's configuration removes these attributes
from spans and log records of other instrumentations, and from all that goes to the ledger. A group has these parts:

- ``of``: whose attributes these are.
- ``names``: the attributes. A ``*`` at the end stands for any end, and one in the middle for one word without a dot.
- ``scope``: a pattern of instrumentation scopes. The names of such a group are plain words, which mean content in the
  records of these scopes alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Content(NamedTuple):
    """One group of attributes. ``pattern`` is a regular expression for their names; ``scope`` is one, or empty."""

    of: str
    pattern: str
    scope: str = ""


def groups(rows: Iterable[Mapping[str, Any]]) -> tuple[Content, ...]:
    r"""The groups of the table.

    >>> print(groups([{"of": "x", "names": ["ai.prompt", "ai.prompt.*", "llm.*.input"]}])[0].pattern)
    ^(ai\.prompt|ai\.prompt\..*|llm\.[^.]+\.input)$
    """
    return tuple(Content(row["of"], f"^({'|'.join(map(_one, row['names']))})$", row.get("scope", "")) for row in rows)


def _one(name: str) -> str:
    whole = name.removesuffix("*")
    inside = "[^.]+".join(map(re.escape, whole.split("*")))
    return inside.replace("\\-", "-").replace("\\:", ":") + (".*" if whole != name else "")
