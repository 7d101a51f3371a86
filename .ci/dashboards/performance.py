"""Performance and reliability: what is slow, what fails, and what was promised."""

from __future__ import annotations

from math import inf

from board import Board, Row
from panels import (
    BAD,
    COUNT,
    GOOD,
    PER_MINUTE,
    SECONDS,
    SHARE,
    WARN,
    Column,
    Panel,
    heatmap,
    levels,
    lines,
    stat,
    table,
)
from queries import ASKED, RANGE, RATE, SENT, buckets, first_chunk, over_range, own_calls, quantile, ratio
from targets import ask
from variables import APPLICATION, DEPARTMENT, MODEL, PROMETHEUS

ERRORS = f"application_model:genmeter_client_errors:rate5m{{{ASKED}}}"
CLIENT_CALLS = f"application_model:genmeter_client_calls:rate5m{{{ASKED}}}"
FAILED = ASKED + ', error_type!=""'
ALLOWED = "group_left () (1 - slo:genmeter_objective:ratio > 0)"
WHOSE = "{{genmeter_application}}: {{slo}}"


def by_model(title: str, share: float, question: str, reading: str) -> Panel:
    """A quantile of the duration for each model."""
    return lines(
        title,
        question,
        reading,
        ask(quantile(share, buckets(ASKED, "le, gen_ai_request_model")), "{{gen_ai_request_model}}"),
        unit=SECONDS,
        width=8,
        exemplars=True,
        steps={10: WARN} if share == 0.95 else None,
    )


GLANCE = Row(
    "At a glance",
    (
        stat(
            "Errors",
            "Which share of the calls in this range failed?",
            "Of applications with genmeter.",
            ask(ratio(over_range(ERRORS), over_range(CLIENT_CALLS))),
            SHARE,
            steps={0.01: WARN, 0.05: BAD},
            width=6,
        ),
        stat(
            "Half within",
            "Within what time does half of the calls end?",
            "Over the whole range.",
            ask(quantile(0.50, buckets(ASKED, window=RANGE))),
            SECONDS,
            width=6,
        ),
        stat(
            "95 % within",
            "Within what time do 95 of 100 calls end?",
            "Over the whole range.",
            ask(quantile(0.95, buckets(ASKED, window=RANGE))),
            SECONDS,
            width=6,
            steps={10: WARN},
        ),
        stat(
            "99 % within",
            "Within what time do 99 of 100 calls end?",
            "Over the whole range.",
            ask(quantile(0.99, buckets(ASKED, window=RANGE))),
            SECONDS,
            width=6,
        ),
    ),
)

LATENCY = Row(
    "How long calls take",
    (
        heatmap(
            "Durations",
            "How are the durations spread, and has a second hump come up?",
            "Calls a second in each band of duration, the darker the more; a dot is a call and leads to its trace.",
            ask(buckets(ASKED), "{{le}}"),
            SECONDS,
        ),
        by_model(
            "Half within",
            0.50,
            "How long does an ordinary call take?",
            "The time within which half of the calls end; a dot is a call and leads to its trace.",
        ),
        by_model(
            "95 % within",
            0.95,
            "How long do slow calls take?",
            "The time within which 95 of 100 calls end; above the line an alert warns.",
        ),
        by_model(
            "99 % within",
            0.99,
            "How long do the slowest calls take?",
            "The time within which 99 of 100 calls end; it rests on few calls where there are few.",
        ),
        lines(
            "First chunk, half within",
            "How long does a reader of a stream wait for the first word?",
            "Half of the streams begin within this time.",
            ask(first_chunk(0.50), "{{gen_ai_request_model}}"),
            unit=SECONDS,
            width=8,
            exemplars=True,
        ),
        lines(
            "First chunk, 95 % within",
            "How long do the unlucky wait for the first word?",
            "95 of 100 streams begin within this time; above the line an alert warns.",
            ask(first_chunk(0.95), "{{gen_ai_request_model}}"),
            unit=SECONDS,
            width=8,
            exemplars=True,
            steps={5: WARN},
        ),
        lines(
            "Between chunks, 95 % within",
            "Do streams stall once they run?",
            "95 of 100 gaps between two chunks are shorter than this. Only with GENMETER_CHUNK_TIMES=on; it is off by default.",
            ask(
                quantile(
                    0.95,
                    f"sum by (le, gen_ai_request_model) (rate(gen_ai_client_inference_time_per_output_chunk_seconds_bucket{{{ASKED}}}[{RATE}]))",
                ),
                "{{gen_ai_request_model}}",
            ),
            unit=SECONDS,
            width=8,
            exemplars=True,
        ),
    ),
)

FAILURES = Row(
    "What fails, in applications with genmeter",
    (
        lines(
            "Errors by model",
            "Which model fails?",
            "The failed share of its calls in five minutes; above the line an alert pages, if there is traffic.",
            ask(
                ratio(f"sum by (gen_ai_request_model) ({ERRORS})", f"sum by (gen_ai_request_model) ({CLIENT_CALLS})"),
                "{{gen_ai_request_model}}",
            ),
            unit=SHARE,
            steps={0.05: BAD},
        ),
        lines(
            "Errors by application",
            "Whose calls fail?",
            "The failed share of each application's calls in five minutes.",
            ask(
                ratio(f"sum by (genmeter_application) ({ERRORS})", f"sum by (genmeter_application) ({CLIENT_CALLS})"),
                "{{genmeter_application}}",
            ),
            unit=SHARE,
            steps={0.05: BAD},
        ),
        lines(
            "Types of errors",
            "How do calls fail?",
            "Failed calls a minute by error type: a status of the provider's, or the name of an exception.",
            ask(f"60 * {own_calls(FAILED, RATE, 'error_type')}", "{{error_type}}"),
            unit=PER_MINUTE,
            stacked=True,
        ),
        table(
            "Failed calls",
            "What failed how often in this range?",
            "Calls by model and error type; from rates, so that a fraction is possible.",
            {"gen_ai_request_model": "Model", "error_type": "Error", "genmeter_application": "Application"},
            Column(
                "Calls",
                ask(
                    f"$__range_s * {own_calls(FAILED, RANGE, 'gen_ai_request_model, error_type, genmeter_application')} > 0"
                ),
                COUNT,
            ),
        ),
    ),
)

TRAFFIC = Row(
    "How much is asked",
    (
        lines(
            "Calls by model",
            "Which models are asked, and how often?",
            "Calls a minute, one upon the other.",
            ask(
                f"60 * sum by (gen_ai_request_model) (application_model:genmeter_calls:rate5m{{{ASKED}}})",
                "{{gen_ai_request_model}}",
            ),
            unit=PER_MINUTE,
            stacked=True,
            width=8,
        ),
        lines(
            "Calls by application",
            "Who asks, and how often?",
            "Calls a minute, one upon the other.",
            ask(
                f"60 * sum by (genmeter_application) (application_model:genmeter_calls:rate5m{{{ASKED}}})",
                "{{genmeter_application}}",
            ),
            unit=PER_MINUTE,
            stacked=True,
            width=8,
        ),
        lines(
            "Under way",
            "Do calls pile up?",
            "Calls under way by model, of all applications with genmeter; it grows when a provider hangs.",
            ask(
                'sum by (gen_ai_request_model) (model:genmeter_calls_active:sum{gen_ai_request_model=~"$model"})',
                "{{gen_ai_request_model}}",
            ),
            unit=COUNT,
            width=8,
        ),
        lines(
            "Peak hours of a week",
            "At which hours is most asked?",
            "Calls in each hour of the last seven days, independent of the chosen range; plan limits and batch jobs by it.",
            ask(
                f"60 * sum_over_time(sum(application_model:genmeter_calls:rate5m{{{ASKED}}})[1h:1m])",
                "calls in the hour",
            ),
            unit=COUNT,
            bars=True,
            width=24,
            timeFrom="7d",
            interval="1h",
        ),
    ),
)

OBJECTIVES = Row(
    "The promises of slo.yaml, over all models",
    (
        levels(
            "Error budget left",
            "How much may still go wrong?",
            "What is left of the bad calls that each objective allows in 30 days; below zero it is broken.",
            ask(
                f"1 - (sum_over_time(application:slo_bad_calls:rate5m{{{SENT}}}[30d:5m])"
                f" / (sum_over_time(application:slo_calls:rate5m{{{SENT}}}[30d:5m]) > 0)) / on (slo) {ALLOWED}",
                WHOSE,
            ),
            SHARE,
            steps={-inf: BAD, 0: WARN, 0.25: GOOD},
            most=1,
        ),
        lines(
            "Burn of the error budget",
            "How fast is the error budget used up?",
            "1 uses it up in exactly 30 days; 14.4 for an hour pages, and uses up 2 % of it.",
            ask(f"application:slo_bad_calls:ratio_rate1h{{{SENT}}} / on (slo) {ALLOWED}", WHOSE),
            unit=COUNT,
            steps={6: WARN, 14.4: BAD},
            width=16,
        ),
    ),
)

BOARD = Board(
    "performance",
    "Performance and reliability",
    "What is slow, what fails, and is what was promised kept?",
    (PROMETHEUS, DEPARTMENT, APPLICATION, MODEL),
    (GLANCE, LATENCY, FAILURES, TRAFFIC, OBJECTIVES),
    since="now-6h",
)
