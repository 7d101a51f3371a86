"""What Gemini's grounding is billed for: searches, and tools that no unit counts."""

from __future__ import annotations

import re
from typing import Any

from ...model import Response, Usage
from .counts import leave
from .values import each, fields, items


class Grounding:
    """What the answer's grounding is billed for: searches, and tools that no unit counts.

    Gemini 3 and later are billed by the query, without empty ones and repetitions; older models by the grounded prompt:
    https://ai.google.dev/gemini-api/docs/google-search#pricing (read 2026-11-30).
    """

    def __init__(self) -> None:
        self._queries: set[str] = set()
        self._tools: set[str] = set()

    def see(self, metadata: Any) -> None:
        """Take ``grounding_metadata`` of a candidate, or of a piece of one."""
        found = fields(metadata)
        for name in ("web_search_queries", "image_search_queries"):
            self._queries.update(query for query in items(found.get(name)) if isinstance(query, str) and query)
        if any(chunk.get("maps") for chunk in each(found.get("grounding_chunks"))):
            self._tools.add("google_maps")
        if found.get("retrieval_queries"):
            self._tools.add("retrieval")

    def bill(self, model: str | None, usage: Usage, response: Response) -> None:
        """Write the searches, and name the tools."""
        usage.searches = searches(len(self._queries), model)
        for tool in sorted(self._tools):
            leave(tool, 0, response)


PER_PROMPT = re.compile(r"gemini-(1|2)\b|gemini-(pro|flash)-1\b")


def searches(queries: int, model: str | None) -> int:
    """How many searches are billed for so many queries of one call."""
    return min(queries, 1) if model is not None and PER_PROMPT.search(model) else queries
