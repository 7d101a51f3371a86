"""Tokens and caching: what goes in and out, and what the cache saves."""

from __future__ import annotations

from board import Board, Row
from panels import COUNT, PER_MINUTE, SHARE, Column, lines, stat, table
from queries import ASKED, RANGE, RATE, grouped, over_range, quantile, ratio
from targets import ask
from variables import APPLICATION, DEPARTMENT, MODEL, PROMETHEUS

USAGE = "gen_ai_client_inference_usage"
MODELS = "{{gen_ai_request_model}}"


def tokens(kind: str) -> str:
    """The recorded rate of a kind (or several) of tokens."""
    return f'application_model:genmeter_tokens:rate5m{{{ASKED}, kind=~"{kind}"}}'


def counted(what: str, window: str, by: str = "") -> str:
    """Tokens a second that genmeter counts in applications: only there the parts of input and output are known."""
    return f"sum{grouped(by)} (rate({USAGE}_{what}_tokens_total{{{ASKED}}}[{window}]))"


def part(what: str, whole: str, window: str, by: str = "") -> str:
    """The share that a part has of input or output; 0 where there is none of it."""
    all_of_it = counted(whole, window, by)
    return ratio(f"({counted(what, window, by)} or 0 * {all_of_it})", all_of_it)


def a_call(kind: str) -> str:
    """Tokens of a kind in a call, by model: a mean."""
    calls = f"sum by (gen_ai_request_model) (application_model:genmeter_calls:rate5m{{{ASKED}}})"
    return ratio(f"sum by (gen_ai_request_model) ({tokens(kind)})", calls)


def spread(kind: str) -> str:
    """The 95th percentile of the tokens of a kind in a call, by model."""
    name = f"gen_ai_client_inference_operation_{kind}_tokens_bucket"
    return quantile(0.95, f"sum by (le, gen_ai_request_model) (rate({name}{{{ASKED}}}[{RATE}]))")


GLANCE = Row(
    "At a glance",
    (
        stat(
            "Input",
            "How many tokens were sent in this range?",
            "Tokens from a cache are included; from rates.",
            ask(over_range(tokens("input"))),
            COUNT,
            width=6,
        ),
        stat(
            "Output",
            "How many tokens were answered in this range?",
            "Reasoning is included: it is paid for and never shown; from rates.",
            ask(over_range(tokens("output"))),
            COUNT,
            width=6,
        ),
        stat(
            "From the cache",
            "Which share of the input came from the providers' caches?",
            "Cached input costs about a tenth.",
            ask(part("cache_read_input", "input", RANGE)),
            SHARE,
            width=6,
        ),
        stat(
            "Reasoning",
            "Which share of the output was reasoning?",
            "It is billed as output.",
            ask(part("reasoning_output", "output", RANGE)),
            SHARE,
            width=6,
        ),
    ),
)

FLOW = Row(
    "What goes in and out",
    (
        lines(
            "Tokens by kind",
            "How many tokens flow, and of which kind?",
            "Tokens a minute; input has cache_read and cache_write in it and output has reasoning, so only input and output add up.",
            ask(f"60 * sum by (kind) ({tokens('.+')})", "{{kind}}"),
            unit=PER_MINUTE,
        ),
        lines(
            "Tokens by model",
            "Which models do the tokens go to?",
            "Input and output a minute, one model upon the other.",
            ask(f"60 * sum by (gen_ai_request_model) ({tokens('input|output')})", MODELS),
            unit=PER_MINUTE,
            stacked=True,
        ),
        lines(
            "Tokens by application",
            "Which applications use them?",
            "Input and output a minute, one application upon the other.",
            ask(f"60 * sum by (genmeter_application) ({tokens('input|output')})", "{{genmeter_application}}"),
            unit=PER_MINUTE,
            stacked=True,
        ),
        table(
            "By model",
            "How do the models compare in this range?",
            "Tokens by kind, from rates; cache and reasoning are known of applications with genmeter.",
            {"gen_ai_request_model": "Model"},
            *(
                Column(heading, ask(over_range(tokens(kind), "gen_ai_request_model")), COUNT)
                for heading, kind in (
                    ("Input", "input"),
                    ("From the cache", "cache_read"),
                    ("Into the cache", "cache_write"),
                    ("Output", "output"),
                    ("Reasoning", "reasoning"),
                )
            ),
        ),
    ),
)

CALL = Row(
    "What a call holds",
    (
        lines(
            "Input of a call",
            "How long are the prompts?",
            "Input tokens of a call, mean by model: a history that grows with each turn shows here.",
            ask(a_call("input"), MODELS),
            unit=COUNT,
        ),
        lines(
            "Output of a call",
            "How long are the answers?",
            "Output tokens of a call, mean by model.",
            ask(a_call("output"), MODELS),
            unit=COUNT,
        ),
        lines(
            "Input, 95 % within",
            "How long are the longest prompts?",
            "95 of 100 calls have fewer input tokens; an estimate within a factor of four, the width of a bucket.",
            ask(spread("input"), MODELS),
            unit=COUNT,
            exemplars=True,
        ),
        lines(
            "Output, 95 % within",
            "How long are the longest answers?",
            "95 of 100 calls have fewer output tokens; an estimate within a factor of four, the width of a bucket.",
            ask(spread("output"), MODELS),
            unit=COUNT,
            exemplars=True,
        ),
    ),
)

CACHE = Row(
    "What the cache saves, and what reasoning takes, in applications with genmeter",
    (
        lines(
            "Cache hit ratio",
            "Do the prompts hit the cache?",
            "Share of the input tokens that came from it, by model; it falls when the beginning of a prompt changes.",
            ask(part("cache_read_input", "input", RATE, "gen_ai_request_model"), MODELS),
            unit=SHARE,
            most=1,
        ),
        lines(
            "Into the cache",
            "How much is written to the cache?",
            "Tokens a minute by model; some providers charge more for these than for plain input.",
            ask(f"60 * {counted('cache_write_input', RATE, 'gen_ai_request_model')}", MODELS),
            unit=PER_MINUTE,
        ),
        lines(
            "Reads for a write",
            "Does writing to the cache pay?",
            "Tokens read for each that was written in the hour before: below 1 the writes cost more than they save.",
            ask(
                ratio(
                    counted("cache_read_input", "1h", "gen_ai_request_model"),
                    counted("cache_write_input", "1h", "gen_ai_request_model"),
                ),
                MODELS,
            ),
            unit=COUNT,
        ),
        lines(
            "Reasoning share",
            "How much of the output is reasoning?",
            "Share of the output tokens by model; a higher effort raises it, and the bill.",
            ask(part("reasoning_output", "output", RATE, "gen_ai_request_model"), MODELS),
            unit=SHARE,
            most=1,
        ),
    ),
)

BOARD = Board(
    "tokens",
    "Tokens and caching",
    "What goes in and out, and what does the cache save?",
    (PROMETHEUS, DEPARTMENT, APPLICATION, MODEL),
    (GLANCE, FLOW, CALL, CACHE),
)
