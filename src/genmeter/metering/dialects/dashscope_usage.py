"""What Alibaba Cloud's Model Studio counts: totals, parts of the input beside these, images, characters and searches.

Source: https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope (read 2026-11-30).
"""

from __future__ import annotations

from typing import Any

from ...model import Response, Usage
from .openai_usage import read_usage
from .values import fields

BESIDE = {"image_tokens": "image_input", "video_tokens": "video_input", "audio_tokens": "audio_input", "image_count": "images", "characters": "characters"}  # fmt: skip
"""Counts beside the totals: parts of the input that the details may repeat, images that were made, characters spoken."""


def read_counts(raw: Any, response: Response) -> Usage | None:
    """``usage`` of an answer; embeddings and rerankings report a total alone, which is their input."""
    found = dict(fields(raw))
    beside = {name: found.pop(name) for name in BESIDE if type(found.get(name)) is int}
    searched = fields(fields(found.pop("plugins", None)).get("search")).get("count")
    if found.get("input_tokens") is None and found.get("output_tokens") is None and found.get("total_tokens"):
        found = {**found, "input_tokens": found["total_tokens"], "output_tokens": 0}
    usage = read_usage(found, response)
    if usage is None and any(beside.values()):
        usage = Usage()
    if usage is None:
        return None
    for name, count in beside.items():
        unit = BESIDE[name]
        setattr(usage, unit, max(getattr(usage, unit), count))
    usage.searches = searched if type(searched) is int and searched > 0 else usage.searches
    return usage
