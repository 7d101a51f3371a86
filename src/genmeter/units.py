"""The billable units: what a call's usage counts, how each count is spelled, and which price and line it has.

Written by `make units` from pricing/data/units.json; change that file, never this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = [
    "AUDIO_CACHE_READ_TOKENS",
    "AUDIO_INPUT_TOKENS",
    "AUDIO_OUTPUT_TOKENS",
    "CACHE_READ_TOKENS",
    "CACHE_WRITE_1H_TOKENS",
    "CACHE_WRITE_TOKENS",
    "COST_KINDS",
    "COST_LINES",
    "IMAGE_CACHE_READ_TOKENS",
    "IMAGE_INPUT_TOKENS",
    "IMAGE_OUTPUT_TOKENS",
    "INPUT_TOKENS",
    "OUTPUT_TOKENS",
    "REASONING_TOKENS",
    "SEARCHES",
    "TEXT_INPUT_TOKENS",
    "TEXT_OUTPUT_TOKENS",
    "USAGE_TOKENS",
]

INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
CACHE_WRITE_1H_TOKENS: Final = "genmeter.usage.cache_write_1h.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
AUDIO_CACHE_READ_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"
IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
IMAGE_CACHE_READ_TOKENS: Final = "gen_ai.usage.image.cache_read.input_tokens"
SEARCHES: Final = "genmeter.usage.searches"

USAGE_TOKENS: Final = {
    "input": INPUT_TOKENS,
    "output": OUTPUT_TOKENS,
    "cache_read": CACHE_READ_TOKENS,
    "cache_write": CACHE_WRITE_TOKENS,
    "cache_write_1h": CACHE_WRITE_1H_TOKENS,
    "reasoning": REASONING_TOKENS,
    "text_input": TEXT_INPUT_TOKENS,
    "text_output": TEXT_OUTPUT_TOKENS,
    "audio_input": AUDIO_INPUT_TOKENS,
    "audio_output": AUDIO_OUTPUT_TOKENS,
    "audio_cache_read": AUDIO_CACHE_READ_TOKENS,
    "image_input": IMAGE_INPUT_TOKENS,
    "image_output": IMAGE_OUTPUT_TOKENS,
    "image_cache_read": IMAGE_CACHE_READ_TOKENS,
    "searches": SEARCHES,
}
"""Field of ``Usage`` → attribute, in the order they are written."""
ALSO_SPELLED: Final[dict[str, tuple[str, ...]]] = {
    "input": (
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "output": (
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "cache_read": (
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "cache_write_1h": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": (
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
    ),
    "audio_input": ("llm.token_count.prompt_details.audio",),
    "audio_output": ("llm.token_count.completion_details.audio",),
}
"""Field of ``Usage`` → other spellings that are read, in the order in which they count."""
COST_KINDS: Final = (
    "input",
    "cache_read",
    "cache_write",
    "output",
    "audio_input",
    "audio_cache_read",
    "audio_output",
    "image_input",
    "image_cache_read",
    "image_output",
    "search",
    "request",
)
"""Lines of a bill. They exclude each other, so they add up to the total."""
COST_LINES: Final = {kind: f"genmeter.cost.{kind}" for kind in COST_KINDS}


@dataclass(slots=True)
class Usage:
    """What one call used. Totals include their parts; None is unknown, never zero.

    Parts are 0 when the provider did not report them. What is not counted in tokens is no part of a total.

    - ``input``: input tokens in all, cached ones included
    - ``output``: output tokens in all, reasoning included
    - ``cache_read``: input tokens read from the cache
    - ``cache_write``: input tokens written to the cache, all lifetimes
    - ``cache_write_1h``: of these, with a lifetime of one hour
    - ``reasoning``: of the output, reasoning
    - ``text_input``: of the input, text
    - ``text_output``: of the output, text
    - ``audio_input``: of the input, audio
    - ``audio_output``: of the output, audio
    - ``audio_cache_read``: of the audio input, read from the cache
    - ``image_input``: of the input, images
    - ``image_output``: of the output, images
    - ``image_cache_read``: of the image input, read from the cache
    - ``searches``: billed web searches
    """

    input: int | None = None
    output: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    text_input: int = 0
    text_output: int = 0
    audio_input: int = 0
    audio_output: int = 0
    audio_cache_read: int = 0
    image_input: int = 0
    image_output: int = 0
    image_cache_read: int = 0
    searches: int = 0


class Measure(NamedTuple):
    """Per how many of what a price is published, in words for a sentence and for a table."""

    per: int
    words: str
    short: str


MEASURES: Final = {
    "token": Measure(1000000, "million tokens", "1M tokens"),
    "search": Measure(1000, "1,000 calls", "1k calls"),
    "request": Measure(1000, "1,000 calls", "1k calls"),
}
COLUMNS: Final = {
    "input": MEASURES["token"],
    "output": MEASURES["token"],
    "cache_read": MEASURES["token"],
    "cache_write": MEASURES["token"],
    "cache_write_1h": MEASURES["token"],
    "audio_input": MEASURES["token"],
    "audio_output": MEASURES["token"],
    "audio_cache_read": MEASURES["token"],
    "image_input": MEASURES["token"],
    "image_output": MEASURES["token"],
    "image_cache_read": MEASURES["token"],
    "search": MEASURES["search"],
    "request": MEASURES["request"],
}
"""Price column → its measure, in the order in which columns stand in a row."""
TERMS: Final = (
    ("input", 0, MEASURES["token"]),
    ("cache_read", 2, MEASURES["token"]),
    ("cache_write", 3, MEASURES["token"]),
    ("cache_write", 4, MEASURES["token"]),
    ("output", 1, MEASURES["token"]),
    ("audio_input", 5, MEASURES["token"]),
    ("audio_cache_read", 7, MEASURES["token"]),
    ("audio_output", 6, MEASURES["token"]),
    ("image_input", 8, MEASURES["token"]),
    ("image_cache_read", 10, MEASURES["token"]),
    ("image_output", 9, MEASURES["token"]),
    ("search", 11, MEASURES["search"]),
)
"""Line of the bill, number of the price column and its measure, for each of ``leaves``."""
LIKE: Final[dict[str, str]] = {"image_input": "input", "image_cache_read": "cache_read"}
"""Column → the column whose price a row of the user's own takes, where it does not say this one."""
OPTIONS: Final = {
    "input": ("input", "input tokens in all, cached ones included"),
    "output": ("output", "output tokens in all, reasoning included"),
    "cached": ("cache_read", "input tokens read from the cache"),
    "cache-write": ("cache_write", "input tokens written to the cache, all lifetimes"),
    "cache-write-1h": ("cache_write_1h", "of these, with a lifetime of one hour"),
    "audio-input": ("audio_input", "of the input, audio"),
    "audio-output": ("audio_output", "of the output, audio"),
    "audio-cached": ("audio_cache_read", "of the audio input, read from the cache"),
    "image-input": ("image_input", "of the input, images"),
    "image-output": ("image_output", "of the output, images"),
    "image-cached": ("image_cache_read", "of the image input, read from the cache"),
    "searches": ("searches", "billed web searches"),
}
"""Option of ``genmeter price`` → field of ``Usage`` and words for a person."""
MODALITIES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "input": (
        ("text", "text_input"),
        ("audio", "audio_input"),
        ("image", "image_input"),
    ),
    "output": (
        ("text", "text_output"),
        ("audio", "audio_output"),
        ("image", "image_output"),
    ),
    "cache_read": (
        ("audio", "audio_cache_read"),
        ("image", "image_cache_read"),
    ),
}
"""Total → (modality, field) of the parts that it is told in."""


def plain(usage: Usage) -> bool:
    """Whether a call used nothing but text and its cache."""
    return not (
        usage.cache_write_1h
        or usage.audio_input
        or usage.audio_cache_read
        or usage.audio_output
        or usage.image_input
        or usage.image_cache_read
        or usage.image_output
        or usage.searches
    )


def leaves(usage: Usage) -> tuple[int, ...]:
    """The quantity of each of ``TERMS``: every total without the parts that are billed for themselves."""
    into = usage.input or 0
    cache_read = usage.cache_read
    cache_write = usage.cache_write
    cache_write_1h = usage.cache_write_1h
    out = usage.output or 0
    audio_input = usage.audio_input
    audio_cache_read = usage.audio_cache_read
    audio_output = usage.audio_output
    image_input = usage.image_input
    image_cache_read = usage.image_cache_read
    image_output = usage.image_output
    return (
        into + audio_cache_read + image_cache_read - cache_read - cache_write - audio_input - image_input,
        cache_read - audio_cache_read - image_cache_read,
        cache_write - cache_write_1h,
        cache_write_1h,
        out - audio_output - image_output,
        audio_input - audio_cache_read,
        audio_cache_read,
        audio_output,
        image_input - image_cache_read,
        image_cache_read,
        image_output,
        usage.searches,
    )
