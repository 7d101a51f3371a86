"""Chat completions whose objects are mappings (azure-ai-inference): their attributes hold no fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .openai_chat import OPENAI_CHAT, ChatAccumulator
from .values import each, fields


class MappingAccumulator(ChatAccumulator):
    """Folds chunks that are mappings."""

    def fold(self, chunk: Any) -> int:
        """As for the chunk in plain JSON."""
        found = fields(chunk)
        choices = [{**choice, "delta": dict(fields(choice.get("delta")))} for choice in each(found.get("choices"))]
        return super().fold({**found, "choices": choices})


AZURE_CHAT = replace(OPENAI_CHAT, name="azure_chat", accumulator=MappingAccumulator)
