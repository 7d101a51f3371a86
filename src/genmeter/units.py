"""The billable units: what a call's usage counts, how each count is spelled, and which price and line it has.

Written by `make units` from pricing/data/units.json; change that file, never this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = [
    "ANNOTATED_PAGES",
    "AUDIO_CACHE_READ_TOKENS",
    "AUDIO_INPUT_TOKENS",
    "AUDIO_OUTPUT_TOKENS",
    "AUDIO_SECONDS",
    "CACHE_READ_TOKENS",
    "CACHE_WRITE_1H_TOKENS",
    "CACHE_WRITE_12H_TOKENS",
    "CACHE_WRITE_TOKENS",
    "CHARACTERS",
    "COST_KINDS",
    "COST_LINES",
    "DOCUMENT_CACHE_READ_TOKENS",
    "DOCUMENT_INPUT_TOKENS",
    "IMAGES",
    "IMAGE_CACHE_READ_TOKENS",
    "IMAGE_INPUT_TOKENS",
    "IMAGE_OUTPUT_TOKENS",
    "INPUT_TOKENS",
    "OUTPUT_TOKENS",
    "PAGES",
    "PREVIEW_SEARCHES",
    "REASONING_TOKENS",
    "SEARCHES",
    "SEARCH_UNITS",
    "TEXT_INPUT_TOKENS",
    "TEXT_OUTPUT_TOKENS",
    "USAGE_TOKENS",
    "VIDEO_CACHE_READ_TOKENS",
    "VIDEO_INPUT_TOKENS",
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
CACHE_WRITE_12H_TOKENS: Final = "genmeter.usage.cache_write_12h.input_tokens"
VIDEO_INPUT_TOKENS: Final = "genmeter.usage.video.input_tokens"
VIDEO_CACHE_READ_TOKENS: Final = "genmeter.usage.video.cache_read.input_tokens"
DOCUMENT_INPUT_TOKENS: Final = "genmeter.usage.document.input_tokens"
DOCUMENT_CACHE_READ_TOKENS: Final = "genmeter.usage.document.cache_read.input_tokens"
CHARACTERS: Final = "genmeter.usage.characters"
AUDIO_SECONDS: Final = "genmeter.usage.audio.input_seconds"
PAGES: Final = "genmeter.usage.pages"
ANNOTATED_PAGES: Final = "genmeter.usage.annotated_pages"
IMAGES: Final = "genmeter.usage.images"
SEARCH_UNITS: Final = "genmeter.usage.search_units"
PREVIEW_SEARCHES: Final = "genmeter.usage.preview_searches"

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
    "cache_write_12h": CACHE_WRITE_12H_TOKENS,
    "video_input": VIDEO_INPUT_TOKENS,
    "video_cache_read": VIDEO_CACHE_READ_TOKENS,
    "document_input": DOCUMENT_INPUT_TOKENS,
    "document_cache_read": DOCUMENT_CACHE_READ_TOKENS,
    "characters": CHARACTERS,
    "audio_seconds": AUDIO_SECONDS,
    "pages": PAGES,
    "annotated_pages": ANNOTATED_PAGES,
    "images": IMAGES,
    "search_units": SEARCH_UNITS,
    "preview_searches": PREVIEW_SEARCHES,
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
        "gen_ai.response.prompt_tokens",
    ),
    "output": (
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "gen_ai.response.completion_tokens",
    ),
    "cache_read": (
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
        "gen_ai.usage.input_tokens.cached",
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "cache_write_1h": (
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.cache_creation.1h_input_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
        "gen_ai.usage.output_tokens.reasoning",
    ),
    "text_input": ("gen_ai.usage.text_input_tokens",),
    "text_output": ("gen_ai.usage.text_output_tokens",),
    "audio_input": ("llm.token_count.prompt_details.audio", "gen_ai.usage.audio_input_tokens"),
    "audio_output": ("llm.token_count.completion_details.audio", "gen_ai.usage.audio_output_tokens"),
    "image_input": ("gen_ai.usage.image_input_tokens",),
    "image_output": ("gen_ai.usage.image_output_tokens",),
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
    "video_input",
    "video_cache_read",
    "document_input",
    "document_cache_read",
    "characters",
    "audio_seconds",
    "pages",
    "images",
    "search_units",
    "request",
)
"""Lines of a bill. They exclude each other, so they add up to the total."""
COST_LINES: Final = {kind: f"genmeter.cost.{kind}" for kind in COST_KINDS}

TEXT_ALONE: Final = (0,) * 20
"""``Usage.rare`` of a call that used nothing but text and its cache."""


class Rare:
    """A count of ``Usage`` that few calls have. All of them lie in one tuple, so that one look tells that there is none."""

    __slots__ = ("_place",)

    def __init__(self, place: int) -> None:
        self._place = place

    def __get__(self, usage: Usage | None, owner: type[Usage]) -> int:
        return 0 if usage is None else usage.rare[self._place]

    def __set__(self, usage: Usage, value: int) -> None:
        counts, place = usage.rare, self._place
        usage.rare = (*counts[:place], value, *counts[place + 1 :])


@dataclass(init=False)
class Usage:
    """What one call used. Totals include their parts; None is unknown, never zero.

    Parts are 0 when the provider did not report them. A count in another unit than tokens is no part of one.
    ``rare`` holds the counts beyond text, in the order of ``BEYOND_TEXT``.
    """

    __slots__ = ("cache_read", "cache_write", "input", "output", "rare", "reasoning", "text_input", "text_output")

    input: int | None  # input tokens in all, cached ones included
    output: int | None  # output tokens in all, reasoning included
    cache_read: int  # input tokens read from the cache
    cache_write: int  # input tokens written to the cache, all lifetimes
    cache_write_1h: Rare = Rare(0)  # of these, with a lifetime of one hour
    reasoning: int  # of the output, reasoning
    text_input: int  # of the input, text
    text_output: int  # of the output, text
    audio_input: Rare = Rare(2)  # of the input, audio
    audio_output: Rare = Rare(4)  # of the output, audio
    audio_cache_read: Rare = Rare(3)  # of the audio input, read from the cache
    image_input: Rare = Rare(5)  # of the input, images
    image_output: Rare = Rare(7)  # of the output, images
    image_cache_read: Rare = Rare(6)  # of the image input, read from the cache
    searches: Rare = Rare(8)  # billed web searches
    cache_write_12h: Rare = Rare(1)  # of the cache writes, with a lifetime of twelve hours
    video_input: Rare = Rare(10)  # of the input, video
    video_cache_read: Rare = Rare(11)  # of the video input, read from the cache
    document_input: Rare = Rare(12)  # of the input, documents
    document_cache_read: Rare = Rare(13)  # of the document input, read from the cache
    characters: Rare = Rare(14)  # characters of text, where they are billed and not tokens
    audio_seconds: Rare = Rare(15)  # seconds of audio that was heard, where they are billed and not tokens
    pages: Rare = Rare(16)  # pages of documents, annotated ones included
    annotated_pages: Rare = Rare(17)  # pages with annotations, a part of the pages
    images: Rare = Rare(18)  # images that were made, where they are billed and not tokens
    search_units: Rare = Rare(19)  # search units of a reranking
    preview_searches: Rare = Rare(9)  # of the searches, those by the preview version of the tool

    def __init__(
        self,
        input: int | None = None,  # noqa: A002
        output: int | None = None,
        cache_read: int = 0,
        cache_write: int = 0,
        cache_write_1h: int = 0,
        reasoning: int = 0,
        text_input: int = 0,
        text_output: int = 0,
        audio_input: int = 0,
        audio_output: int = 0,
        audio_cache_read: int = 0,
        image_input: int = 0,
        image_output: int = 0,
        image_cache_read: int = 0,
        searches: int = 0,
        cache_write_12h: int = 0,
        video_input: int = 0,
        video_cache_read: int = 0,
        document_input: int = 0,
        document_cache_read: int = 0,
        characters: int = 0,
        audio_seconds: int = 0,
        pages: int = 0,
        annotated_pages: int = 0,
        images: int = 0,
        search_units: int = 0,
        preview_searches: int = 0,
    ) -> None:
        self.input = input
        self.output = output
        self.cache_read = cache_read
        self.cache_write = cache_write
        self.reasoning = reasoning
        self.text_input = text_input
        self.text_output = text_output
        self.rare: tuple[int, ...] = TEXT_ALONE
        if (
            cache_write_1h or cache_write_12h or audio_input or audio_cache_read or audio_output or
            image_input or image_cache_read or image_output or searches or preview_searches or video_input or
            video_cache_read or document_input or document_cache_read or characters or audio_seconds or pages
            or annotated_pages or images or search_units
        ):  # fmt: skip
            self.rare = (
                cache_write_1h, cache_write_12h, audio_input, audio_cache_read, audio_output, image_input,
                image_cache_read, image_output, searches, preview_searches, video_input, video_cache_read,
                document_input, document_cache_read, characters, audio_seconds, pages, annotated_pages,
                images, search_units
            )  # fmt: skip


class Measure(NamedTuple):
    """Per how many of what a price is published, in words for a sentence and for a table."""

    per: int
    words: str
    short: str


MEASURES: Final = {
    "token": Measure(1000000, "million tokens", "1M tokens"),
    "search": Measure(1000, "1,000 calls", "1k calls"),
    "request": Measure(1000, "1,000 calls", "1k calls"),
    "character": Measure(1000000, "million characters", "1M characters"),
    "second": Measure(3600, "hour", "1 h"),
    "page": Measure(1000, "1,000 pages", "1k pages"),
    "image": Measure(1, "image", "1 image"),
    "search_unit": Measure(1000, "1,000 search units", "1k search units"),
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
    "cache_write_12h": MEASURES["token"],
    "video_input": MEASURES["token"],
    "video_cache_read": MEASURES["token"],
    "document_input": MEASURES["token"],
    "document_cache_read": MEASURES["token"],
    "characters": MEASURES["character"],
    "audio_seconds": MEASURES["second"],
    "pages": MEASURES["page"],
    "annotated_pages": MEASURES["page"],
    "images": MEASURES["image"],
    "search_units": MEASURES["search_unit"],
    "search_preview": MEASURES["search"],
}
"""Price column → its measure, in the order in which columns stand in a row."""
TERMS: Final = (
    ("input", 0, MEASURES["token"]),
    ("cache_read", 2, MEASURES["token"]),
    ("cache_write", 3, MEASURES["token"]),
    ("cache_write", 4, MEASURES["token"]),
    ("cache_write", 13, MEASURES["token"]),
    ("output", 1, MEASURES["token"]),
    ("audio_input", 5, MEASURES["token"]),
    ("audio_cache_read", 7, MEASURES["token"]),
    ("audio_output", 6, MEASURES["token"]),
    ("image_input", 8, MEASURES["token"]),
    ("image_cache_read", 10, MEASURES["token"]),
    ("image_output", 9, MEASURES["token"]),
    ("search", 11, MEASURES["search"]),
    ("search", 24, MEASURES["search"]),
    ("video_input", 14, MEASURES["token"]),
    ("video_cache_read", 15, MEASURES["token"]),
    ("document_input", 16, MEASURES["token"]),
    ("document_cache_read", 17, MEASURES["token"]),
    ("characters", 18, MEASURES["character"]),
    ("audio_seconds", 19, MEASURES["second"]),
    ("pages", 20, MEASURES["page"]),
    ("pages", 21, MEASURES["page"]),
    ("images", 22, MEASURES["image"]),
    ("search_units", 23, MEASURES["search_unit"]),
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
    "cache-write-12h": ("cache_write_12h", "of the cache writes, with a lifetime of twelve hours"),
    "video-input": ("video_input", "of the input, video"),
    "video-cached": ("video_cache_read", "of the video input, read from the cache"),
    "document-input": ("document_input", "of the input, documents"),
    "document-cached": ("document_cache_read", "of the document input, read from the cache"),
    "characters": ("characters", "characters of text, where they are billed and not tokens"),
    "audio-seconds": ("audio_seconds", "seconds of audio that was heard, where they are billed and not tokens"),
    "pages": ("pages", "pages of documents, annotated ones included"),
    "annotated-pages": ("annotated_pages", "pages with annotations, a part of the pages"),
    "images": ("images", "images that were made, where they are billed and not tokens"),
    "search-units": ("search_units", "search units of a reranking"),
    "preview-searches": ("preview_searches", "of the searches, those by the preview version of the tool"),
}
"""Option of ``genmeter price`` → field of ``Usage`` and words for a person."""
APART: Final = {
    "searches": "searches",
    "characters": "characters",
    "audio_seconds": "audio, seconds",
    "pages": "pages",
    "annotated_pages": "annotated pages",
    "images": "images made",
    "search_units": "search units",
    "preview_searches": "preview searches",
}
"""Fields of ``Usage`` that are no tokens, and their words: they are part of no sum of tokens."""
BEYOND_TEXT: Final = (
    "cache_write_1h",
    "cache_write_12h",
    "audio_input",
    "audio_cache_read",
    "audio_output",
    "image_input",
    "image_cache_read",
    "image_output",
    "searches",
    "preview_searches",
    "video_input",
    "video_cache_read",
    "document_input",
    "document_cache_read",
    "characters",
    "audio_seconds",
    "pages",
    "annotated_pages",
    "images",
    "search_units",
)
"""Fields of ``Usage`` that are billed and are neither plain text nor its cache."""
MODALITIES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "input": (
        ("text", "text_input"),
        ("audio", "audio_input"),
        ("image", "image_input"),
        ("video", "video_input"),
        ("document", "document_input"),
    ),
    "output": (("text", "text_output"), ("audio", "audio_output"), ("image", "image_output")),
    "cache_read": (
        ("audio", "audio_cache_read"),
        ("image", "image_cache_read"),
        ("video", "video_cache_read"),
        ("document", "document_cache_read"),
    ),
}
"""Total → (modality, field) of the parts that it is told in."""


def parts(usage: Usage) -> tuple[int, ...]:
    """Every count but the two totals, in the order of ``USAGE_TOKENS``."""
    (
        cache_write_1h, cache_write_12h, audio_input, audio_cache_read, audio_output, image_input,
        image_cache_read, image_output, searches, preview_searches, video_input, video_cache_read,
        document_input, document_cache_read, characters, audio_seconds, pages, annotated_pages, images,
        search_units
    ) = usage.rare  # fmt: skip
    return (
        usage.cache_read,
        usage.cache_write,
        cache_write_1h,
        usage.reasoning,
        usage.text_input,
        usage.text_output,
        audio_input,
        audio_output,
        audio_cache_read,
        image_input,
        image_output,
        image_cache_read,
        searches,
        cache_write_12h,
        video_input,
        video_cache_read,
        document_input,
        document_cache_read,
        characters,
        audio_seconds,
        pages,
        annotated_pages,
        images,
        search_units,
        preview_searches,
    )


def leaves(usage: Usage) -> tuple[int, ...]:
    """The quantity of each of ``TERMS``: every total without the parts that are billed for themselves."""
    into = usage.input or 0
    cache_read = usage.cache_read
    cache_write = usage.cache_write
    out = usage.output or 0
    (
        cache_write_1h, cache_write_12h, audio_input, audio_cache_read, audio_output, image_input,
        image_cache_read, image_output, searches, preview_searches, video_input, video_cache_read,
        document_input, document_cache_read, characters, audio_seconds, pages, annotated_pages, images,
        search_units
    ) = usage.rare  # fmt: skip
    return (
        into
        + audio_cache_read
        + image_cache_read
        + video_cache_read
        + document_cache_read
        - cache_read
        - cache_write
        - audio_input
        - image_input
        - video_input
        - document_input,
        cache_read - audio_cache_read - image_cache_read - video_cache_read - document_cache_read,
        cache_write - cache_write_1h - cache_write_12h,
        cache_write_1h,
        cache_write_12h,
        out - audio_output - image_output,
        audio_input - audio_cache_read,
        audio_cache_read,
        audio_output,
        image_input - image_cache_read,
        image_cache_read,
        image_output,
        searches - preview_searches,
        preview_searches,
        video_input - video_cache_read,
        video_cache_read,
        document_input - document_cache_read,
        document_cache_read,
        characters,
        audio_seconds,
        pages - annotated_pages,
        annotated_pages,
        images,
        search_units,
    )
