"""Overview: is all well, and what does it cost?"""

from __future__ import annotations

from board import Board, Row
from panels import BAD, COUNT, MONEY, NEAR, PER_MINUTE, SECONDS, SHARE, USD, WARN, Column, levels, lines, stat, table
from queries import (
    BOOKED,
    CALLS,
    COLLECTOR,
    FIRING,
    INFERENCE,
    RANGE,
    SENT,
    SPEND,
    both,
    buckets,
    grown,
    over_range,
    quantile,
    ratio,
)
from targets import ask
from variables import APPLICATION, DEPARTMENT, PROMETHEUS

ERRORS = f"application_model:genmeter_client_errors:rate5m{{{SENT}}}"
CLIENT_CALLS = f"application_model:genmeter_client_calls:rate5m{{{SENT}}}"
DURATION_SUM = f"sum({both(f'{INFERENCE}_sum', f'{COLLECTOR}_sum', SENT, RANGE)})"
DURATION_COUNT = f"sum({both(f'{INFERENCE}_count', f'{COLLECTOR}_count', SENT, RANGE)})"

GLANCE = Row(
    "At a glance",
    (
        stat(
            "Spend",
            "What have the calls in this range cost?",
            "Exact, from the ledger: its total at the end minus that at the start.",
            ask(grown(SPEND, BOOKED)),
            MONEY,
        ),
        stat(
            "Spend a day",
            "What does a day cost at the pace of this range?",
            "The spend beside it, divided by the days in the range.",
            ask(f"86400 * {grown(SPEND, BOOKED)} / $__range_s"),
            MONEY,
        ),
        stat(
            "Calls",
            "How many calls were made in this range?",
            "Exact, from the ledger; each call is booked once.",
            ask(grown(CALLS, BOOKED)),
            COUNT,
        ),
        stat(
            "Tokens",
            "How many tokens went in and out in this range?",
            "Input with its cached part and output with its reasoning, from rates.",
            ask(over_range(f"application:genmeter_tokens:rate5m{{{SENT}}}")),
            COUNT,
        ),
        stat(
            "Errors",
            "Which share of the calls in this range failed?",
            "Of applications with genmeter; above 5 % an alert pages.",
            ask(ratio(over_range(ERRORS), over_range(CLIENT_CALLS))),
            SHARE,
            steps={0.01: WARN, 0.05: BAD},
        ),
        stat(
            "Mean duration",
            "How long does a call take on average?",
            "Long answers count like short ones; the quantile beside it says what the slow ones take.",
            ask(ratio(DURATION_SUM, DURATION_COUNT)),
            SECONDS,
        ),
        stat(
            "95 % within",
            "Within what time do 95 of 100 calls end?",
            "Above 10 s for a model an alert warns.",
            ask(quantile(0.95, buckets(SENT, window=RANGE))),
            SECONDS,
            steps={10: WARN},
        ),
        stat(
            "Under way",
            "How many calls are under way now?",
            "Of all applications with genmeter, independent of the choices above; it grows when a provider hangs.",
            ask("sum(model:genmeter_calls_active:sum)"),
            COUNT,
        ),
    ),
)

ALARMS = Row(
    "Budgets and alerts, of everybody",
    (
        levels(
            "Budgets",
            "Which budgets are about to be spent?",
            "The spent share of each budget's current period; full is the limit.",
            ask("max by (budget_id) (budget:genmeter_budget_utilisation:ratio)", "{{budget_id}}"),
            SHARE,
            steps={0.5: NEAR, 0.75: WARN, 1: BAD},
            most=1,
        ),
        stat(
            "Alerts firing",
            "Is anything wrong right now?",
            "The number of alerts that fire; the table beside it names them.",
            ask(f"count({FIRING}) or vector(0)"),
            COUNT,
            steps={1: BAD},
            width=4,
        ),
        table(
            "What fires",
            "Which alerts fire, and for whom?",
            "Their section in collector-config/runbook.md says what to do.",
            {
                "severity": "Severity",
                "alertname": "Alert",
                "budget_id": "Budget",
                "genmeter_application": "Application",
                "gen_ai_request_model": "Model",
            },
            Column(
                "Alerts",
                ask(
                    f"count by (severity, alertname, budget_id, genmeter_application, gen_ai_request_model) ({FIRING})"
                ),
                COUNT,
            ),
        ),
    ),
)

TRAFFIC = Row(
    "Who asks for what",
    (
        lines(
            "Calls by model",
            "Which models are asked, and how often?",
            "Calls a minute, one upon the other; the top edge is all of them.",
            ask(
                f"60 * sum by (gen_ai_request_model) (application_model:genmeter_calls:rate5m{{{SENT}}})",
                "{{gen_ai_request_model}}",
            ),
            unit=PER_MINUTE,
            stacked=True,
        ),
        lines(
            "Burn by application",
            "Who spends how fast?",
            "Dollars an hour at the rate of the last five minutes, one application upon the other.",
            ask(
                f"3600 * sum by (genmeter_application) (application:genmeter_cost_usd:rate5m{{{SENT}}})",
                "{{genmeter_application}}",
            ),
            unit=USD,
            stacked=True,
        ),
        lines(
            "Errors by application",
            "Whose calls fail?",
            "The failed share of each application's calls in five minutes; the line is where an alert fires.",
            ask(
                f"application:genmeter_client_errors:ratio_rate5m{{{SENT}}}",
                "{{genmeter_department}} / {{genmeter_application}}",
            ),
            unit=SHARE,
            steps={0.05: BAD},
        ),
        lines(
            "95 % within, by model",
            "Which models have become slow?",
            "The time within which 95 of 100 calls end; a dot is a call and leads to its trace.",
            ask(quantile(0.95, buckets(SENT, "le, gen_ai_request_model")), "{{gen_ai_request_model}}"),
            unit=SECONDS,
            steps={10: WARN},
            exemplars=True,
        ),
    ),
)

BOARD = Board(
    "overview",
    "Overview",
    "Is all well, and what does it cost?",
    (PROMETHEUS, DEPARTMENT, APPLICATION),
    (GLANCE, ALARMS, TRAFFIC),
)
