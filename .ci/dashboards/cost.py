"""Cost and attribution: who spends what on which model, and how long the budgets last."""

from __future__ import annotations

from board import Board, Row
from panels import BAD, COUNT, DAYS, MOMENT, MONEY, NEAR, SHARE, USD, WARN, Column, Panel, levels, lines, stat, table
from queries import BILLED, CALLS, RANGE, SENT, SPEND, grown, own_calls, ratio
from targets import ask
from variables import APPLICATION, BILLED_MODEL, DEPARTMENT, PROMETHEUS

SPENT, BOOKED_CALLS = grown(SPEND, BILLED), grown(CALLS, BILLED)
UNOWNED = grown(SPEND, BILLED + ', department=~"|unknown"')
WEEK_BEFORE = f"last_over_time(({SPENT})[1m:1m] offset 1w)"
GOOD_CALLS = own_calls(SENT + ', error_type=""', RANGE)
EFFECTIVE = ratio(f"sum(rate(genmeter_cost_usd_total{{{SENT}}}[{RANGE}]))", GOOD_CALLS)
BY_BUDGET = "max by (budget_id, owner, period)"
LEFT = f"{BY_BUDGET} (budget:genmeter_budget_remaining_usd:clamped)"
DAYS_LEFT = f"{BY_BUDGET} (budget:genmeter_budget_days_left:ratio)"


def shares(title: str, question: str, reading: str, labels: dict[str, str]) -> Panel:
    """Spend, calls and the price of a call, by labels of the ledger."""
    by = ", ".join(labels)
    return table(
        title,
        question,
        reading,
        labels,
        Column("Spend", ask(grown(SPEND, BILLED, by)), MONEY),
        Column("Calls", ask(grown(CALLS, BILLED, by)), COUNT),
        Column("A call", ask(ratio(grown(SPEND, BILLED, by), grown(CALLS, BILLED, by))), USD),
        width=8,
        height=10,
    )


EXACT = Row(
    "Spend, exact to the cent",
    (
        stat(
            "Spend",
            "What was spent in this range?",
            "From the ledger: its total at the end minus that at the start.",
            ask(SPENT),
            MONEY,
        ),
        stat(
            "A week before",
            "What was spent in the same range a week before?",
            "The same question, asked seven days back.",
            ask(SPENT),
            MONEY,
            timeShift="7d",
        ),
        stat(
            "Against the week before",
            "Has the spend grown in a week?",
            "50 % is half as much again; nothing is shown where there was no spend a week ago.",
            ask(f"{ratio(SPENT, WEEK_BEFORE)} - 1"),
            SHARE,
            steps={0.5: WARN},
        ),
        stat(
            "Spend a day",
            "What does a day cost at the pace of this range?",
            "The spend divided by the days in the range.",
            ask(f"86400 * {SPENT} / $__range_s"),
            MONEY,
        ),
        stat(
            "A call",
            "What does a call cost?",
            "Spend by calls, both booked; calls that failed or have no price are among them.",
            ask(ratio(SPENT, BOOKED_CALLS)),
            USD,
        ),
        stat(
            "A successful call",
            "What does a call that works cost?",
            "The cost of all applications with genmeter, by their calls without an error; the chosen model does not matter.",
            ask(EFFECTIVE),
            USD,
        ),
        stat(
            "Without a department",
            "Which share of the spend names no department?",
            "Above 2 % of an hour an alert says so.",
            ask(f"({UNOWNED} or 0 * {SPENT}) / ({SPENT} > 0)"),
            SHARE,
            steps={0.02: WARN},
        ),
        stat(
            "Outside all budgets",
            "What was spent this month (UTC) in no budget's scope?",
            "Of everybody; above a dollar an alert says so.",
            ask("max(genmeter_budget_unbudgeted)"),
            MONEY,
            steps={1: WARN},
        ),
    ),
)

WHO = Row(
    "Who spends it on what",
    (
        levels(
            "Top applications",
            "Which ten applications cost most in this range?",
            "Exact, from the ledger.",
            ask(f"topk(10, {grown(SPEND, BILLED, 'application')})", "{{application}}"),
            MONEY,
            width=12,
        ),
        levels(
            "Top models",
            "Which ten models cost most in this range?",
            "Under the name that answered, as the provider bills them.",
            ask(f"topk(10, {grown(SPEND, BILLED, 'model')})", "{{model}}"),
            MONEY,
            width=12,
        ),
        shares(
            "By department",
            "Which department pays how much, and for how many calls?",
            "Add the rows up and you have the spend above.",
            {"department": "Department"},
        ),
        shares(
            "By application",
            "Which application costs how much, and what does a call of it cost?",
            "A row for each department that it works for.",
            {"department": "Department", "application": "Application"},
        ),
        shares(
            "By model",
            "Which model costs how much, and what does a call to it cost?",
            "Under the name that answered.",
            {"model": "Model"},
        ),
    ),
)

BUDGETS = Row(
    "Budgets, all of them, in their current periods",
    (
        table(
            "Budgets",
            "What is left of each budget, and how long will it last?",
            "Ends is the end of its period, Projected the spend by then at the burn so far, and Days left how long the rest lasts at that burn; empty when it is too early to say.",
            {"budget_id": "Budget", "owner": "Owner", "period": "Period"},
            Column("Used", ask(f"{BY_BUDGET} (budget:genmeter_budget_utilisation:ratio)"), SHARE),
            Column("Spent", ask(f"{BY_BUDGET} (genmeter_budget_spent)"), MONEY),
            Column("Limit", ask(f"{BY_BUDGET} (genmeter_budget_limit)"), MONEY),
            Column("Left", ask(LEFT), MONEY),
            Column("Projected", ask(f"{BY_BUDGET} (genmeter_budget_projected)"), MONEY),
            Column("Days left", ask(DAYS_LEFT), DAYS),
            Column("Ends", ask(f"1000 * {BY_BUDGET} (genmeter_budget_period_end_seconds)"), MOMENT),
            width=16,
            height=9,
        ),
        levels(
            "Used",
            "Which budgets are about to be spent?",
            "The spent share of each budget's current period; full is the limit.",
            ask("max by (budget_id) (budget:genmeter_budget_utilisation:ratio)", "{{budget_id}}"),
            SHARE,
            steps={0.5: NEAR, 0.75: WARN, 1: BAD},
            most=1,
            width=8,
            height=9,
        ),
        lines(
            "Use over time",
            "When did a budget get where it is?",
            "Spent share of each budget; it falls to zero where its period begins anew.",
            ask("max by (budget_id) (budget:genmeter_budget_utilisation:ratio)", "{{budget_id}}"),
            unit=SHARE,
            steps={1: BAD},
            width=24,
        ),
    ),
)

BURNING = Row(
    "How fast it goes; rates are of all models",
    (
        lines(
            "Spend by day",
            "Which of the last thirty days were dear?",
            "A bar is the 24 hours that end at it, of the chosen models too; exact, from the ledger.",
            ask(grown(SPEND, BILLED, "department", "1d"), "{{department}}"),
            unit=MONEY,
            stacked=True,
            bars=True,
            width=24,
            timeFrom="30d",
            interval="1d",
        ),
        lines(
            "Burn by department",
            "Which department spends how fast?",
            "Dollars an hour at the rate of the last five minutes, one upon the other.",
            ask(
                f"3600 * sum by (genmeter_department) (application:genmeter_cost_usd:rate5m{{{SENT}}})",
                "{{genmeter_department}}",
            ),
            unit=USD,
            stacked=True,
        ),
        lines(
            "Burn by model",
            "Which models does the money go to now?",
            "Dollars an hour, under the name that was asked for.",
            ask(
                f"3600 * sum by (gen_ai_request_model) (application_model:genmeter_cost_usd:rate5m{{{SENT}}})",
                "{{gen_ai_request_model}}",
            ),
            unit=USD,
            stacked=True,
        ),
        lines(
            "Burn and the week before",
            "Is this more than a week ago at this hour?",
            "Dollars in the hour before each point, now and seven days earlier.",
            ask(f"sum(application:genmeter_cost_usd:increase1h{{{SENT}}})", "now"),
            ask(f"sum(application:genmeter_cost_usd:increase1h{{{SENT}}} offset 1w)", "a week before"),
            unit=USD,
        ),
        lines(
            "How unusual it is",
            "Does an application spend unlike itself?",
            "Standard deviations of the last hour from its mean of a week; above the line an alert fires, if it is about more than a dollar.",
            ask(
                f"application:genmeter_cost_usd:zscore_1w{{{SENT}}}",
                "{{genmeter_department}} / {{genmeter_application}}",
            ),
            unit=COUNT,
            steps={3: WARN},
            least=None,
        ),
        lines(
            "Spend and its band",
            "How much more would have to be spent for an alert?",
            "Dollars an hour by the last half hour, what is usual at this hour, and the upper edge: above it for five minutes an alert fires.",
            ask(f"2 * application:genmeter_cost_usd:increase30m{{{SENT}}}", "{{genmeter_application}}"),
            ask(f"application:genmeter_cost_usd:usual1h{{{SENT}}}", "{{genmeter_application}}, usual"),
            ask(f"application:genmeter_cost_usd:band1h{{{SENT}}}", "{{genmeter_application}}, edge"),
            unit=USD,
            width=24,
        ),
    ),
)

UNIT_COST = Row(
    "Cost of one call and of tokens, over all models",
    (
        lines(
            "A thousand tokens",
            "Have tokens become dearer?",
            "Cost of a thousand tokens, in and out, over the last hour: a dearer model, less from the cache, or more output raise it.",
            ask(
                f"application:genmeter_cost_usd_per_1k_tokens:ratio_rate1h{{{SENT}}}",
                "{{genmeter_department}} / {{genmeter_application}}",
            ),
            unit=USD,
        ),
        lines(
            "A call",
            "Have calls become dearer?",
            "Cost of a call over the last hour: longer prompts raise it as well as dearer models.",
            ask(
                f"application:genmeter_cost_usd_per_call:ratio_rate1h{{{SENT}}}",
                "{{genmeter_department}} / {{genmeter_application}}",
            ),
            unit=USD,
        ),
    ),
)

BOARD = Board(
    "cost",
    "Cost and attribution",
    "Who spends what on which model, and how long do the budgets last?",
    (PROMETHEUS, DEPARTMENT, APPLICATION, BILLED_MODEL),
    (EXACT, WHO, BUDGETS, BURNING, UNIT_COST),
    since="now-7d",
    refresh="5m",
)
