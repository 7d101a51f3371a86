"""Telemetry health: may the other dashboards be believed?"""

from __future__ import annotations

from collections.abc import Callable

from board import Board, Row
from panels import BAD, BYTES, COUNT, DAYS, PER_MINUTE, SECONDS, SHARE, WARN, levels, lines, stat, states
from queries import FIRING, PARTS, RATE, SPEND, quantile, ratio
from targets import ask
from variables import PROMETHEUS

QUEUE = "max by (instance, exporter, data_type)"
IN_6H = f"sum(max by ({PARTS}) ({SPEND})) - sum(max by ({PARTS}) ({SPEND} offset 6h))"
SIGNALS = ("spans", "log_records", "metric_points")


def booked(counter: str) -> str:
    """How much a counter of the ledger's store grew in the range. Several ledgers on one store say the same, hence max."""
    return f"max(increase(genmeter_ledger_{counter}_total[$__range]))"


def every_signal(by: str, each: Callable[[str], str]) -> str:
    """What ``each`` asks of spans, log records and metric points, added up by a label and the signal."""
    asked = (f'label_replace({each(signal)}, "signal", "{signal}", "", "")' for signal in SIGNALS)
    return f"sum by ({by}, signal) ({' or '.join(asked)})"


def flow(counter: str, by: str) -> str:
    """Records a minute."""
    return f"60 * {every_signal(by, lambda signal: f'rate(otelcol_{counter}_{signal}[{RATE}])')}"


def lost(how: str) -> str:
    """Records in an hour. A counter of failures is born with its first, which increase() does not see."""

    def grown(signal: str) -> str:
        one = f"otelcol_exporter_{how}_failed_{signal}"
        born = f"(({one} unless {one} offset 1h) and on (job, instance) (up offset 1h == 1))"
        return f"({born} or increase({one}[1h]))"

    return every_signal("exporter", grown)


def episodes(severity: str, days: int) -> str:
    """Alerts that began to fire in so many days."""
    one = FIRING.replace("{", f'{{severity="{severity}", ')
    return f"sum(count_over_time(({one} unless {one} offset 1m)[{days}d:1m])) or vector(0)"


LEDGER = Row(
    "The ledger: is all money booked?",
    (
        stat(
            "Last commit",
            "When did the ledger last write to disk?",
            "Seconds ago; above 15 minutes while money is spent an alert pages.",
            ask("time() - max(genmeter_ledger_last_commit_timestamp_seconds)"),
            SECONDS,
            steps={300: WARN, 900: BAD},
            width=4,
        ),
        stat(
            "Conflicts",
            "How many calls came twice with different money in this range?",
            "They are kept out; each is worth a look.",
            ask(booked("conflicts")),
            COUNT,
            steps={1: WARN},
            width=4,
        ),
        stat(
            "Suspected duplicates",
            "How many responses came under two keys in this range?",
            "Two instrumentations report one call; it is booked once.",
            ask(booked("suspected")),
            COUNT,
            steps={1: WARN},
            width=4,
        ),
        stat(
            "Quarantine",
            "How many calls are kept out of the ledger altogether?",
            "Conflicts, suspected duplicates and late calls; the newest are kept to be looked at.",
            ask('max(genmeter_ledger_rows{table="quarantine"})'),
            COUNT,
            steps={1: WARN},
            width=4,
        ),
        stat(
            "Late",
            "How many calls came after their day was folded, in this range?",
            "They are kept out of closed days.",
            ask(booked("late")),
            COUNT,
            steps={1: WARN},
            width=4,
        ),
        stat(
            "Size",
            "How much disk does the ledger take?",
            "With its write-ahead log.",
            ask("max(genmeter_ledger_file_bytes)"),
            BYTES,
            width=4,
        ),
        lines(
            "Counters against ledger",
            "Do the counters and the ledger agree?",
            "The counters' money of six hours as a share of the ledger's; 95 to 105 % is well, less is short-lived processes.",
            ask(f"60 * sum(sum_over_time(application:genmeter_cost_usd:rate5m[6h:1m])) / ({IN_6H} > 0)", "counters"),
            unit=SHARE,
        ),
        lines(
            "From call to book",
            "How long does a call take to the book?",
            "From its end to the commit; half and 95 of 100 are booked within this time. Replays after an outage show here.",
            ask(quantile(0.5, f"sum by (le) (rate(genmeter_ledger_lag_seconds_bucket[{RATE}]))"), "half within"),
            ask(quantile(0.95, f"sum by (le) (rate(genmeter_ledger_lag_seconds_bucket[{RATE}]))"), "95 % within"),
            unit=SECONDS,
        ),
        lines(
            "What becomes of records",
            "What does the ledger do with what arrives?",
            "Records a minute: booked is a first signal of a call, merged its second, duplicates are replays.",
            *(
                ask(f"60 * {of_all}(rate(genmeter_ledger_{name}_total[{RATE}]))", name)
                for of_all, names in (("max", ("booked", "merged", "duplicates")), ("sum", ("ignored", "rejected")))
                for name in names
            ),
            unit=PER_MINUTE,
        ),
        states(
            "Up and sound",
            "What was out of order, and when?",
            "Red is a server that could not be scraped, a ledger that could not write, or a genmeter.toml it could not use.",
            ask("min by (job) (up)", "{{job}}"),
            ask("min(genmeter_ledger_ready)", "ledger's store"),
            ask("min(genmeter_ledger_config_last_reload_successful)", "genmeter.toml"),
            good="well",
            bad="not well",
        ),
    ),
)

PRICES = Row(
    "Prices: is every call priced, and by a good list?",
    (
        stat(
            "Age of the price list",
            "How old are the prices?",
            "Days since the built-in list was read from the providers' pages; above 30 an alert warns.",
            ask("max(otelcol_processor_genai_cost_table_age)"),
            DAYS,
            steps={20: WARN, 30: BAD},
            width=4,
        ),
        stat(
            "Models with a price",
            "How many models can be priced?",
            "Of the built-in list and your own files together.",
            ask("min(otelcol_processor_genai_cost_table_models)"),
            COUNT,
            width=4,
        ),
        stat(
            "Failed reloads",
            "How often could a changed price file not be read in this range?",
            "The last good table stays in force.",
            ask('sum(increase(otelcol_processor_genai_cost_reloads{result="failed"}[$__range])) or vector(0)'),
            COUNT,
            steps={1: WARN},
            width=4,
        ),
        lines(
            "Unpriced by reason",
            "Why have calls no price?",
            "Calls a minute by reason, of applications and collector together; each is an unknown amount of money.",
            ask(
                "60 * sum by (genmeter_cost_reason) ("
                f'label_replace(rate(genmeter_calls_unpriced_total[{RATE}]), "meter", "application", "", "")'
                f' or label_replace(rate(genmeter_collector_calls_unpriced_total[{RATE}]), "meter", "collector", "", ""))',
                "{{genmeter_cost_reason}}",
            ),
            unit=PER_MINUTE,
        ),
        levels(
            "Unpriced by model",
            "Which models lack a price?",
            "Booked calls without one since the ledger began; a row in genmeter.toml prices the next.",
            ask(f"topk(10, sum by (model) (max by ({PARTS}) (genmeter_ledger_unpriced_calls)) > 0)", "{{model}}"),
            COUNT,
            width=12,
        ),
        lines(
            "What the collector did about money",
            "What did the collector do to the spans that came without a price?",
            "Spans a minute: priced here, kept as the application priced it, or left unpriced.",
            ask(f"60 * sum by (outcome) (rate(otelcol_processor_genai_cost_spans[{RATE}]))", "{{outcome}}"),
            unit=PER_MINUTE,
            stacked=True,
        ),
    ),
)

PIPELINE = Row(
    "The collector: does everything arrive?",
    (
        lines(
            "Queues",
            "Does a store fall behind?",
            "Fill of each queue; above half an alert warns, and when one is full all senders wait.",
            ask(
                ratio(f"{QUEUE} (otelcol_exporter_queue_size)", f"{QUEUE} (otelcol_exporter_queue_capacity)"),
                "{{exporter}} {{data_type}}",
            ),
            unit=SHARE,
            steps={0.5: WARN},
        ),
        lines(
            "Lost on the way out",
            "What was dropped for good?",
            "Records of the hour before each point that could not be sent or not queued; what is tried again is not counted.",
            ask(lost("send"), "{{exporter}} {{signal}} not sent"),
            ask(lost("enqueue"), "{{exporter}} {{signal}} not queued"),
            unit=COUNT,
        ),
        lines(
            "Came in",
            "How much arrives at the collector?",
            "Records a minute by signal.",
            ask(flow("receiver_accepted", "receiver"), "{{receiver}} {{signal}}"),
            unit=PER_MINUTE,
        ),
        lines(
            "Went out",
            "How much reaches the stores?",
            "Records a minute by exporter and signal.",
            ask(flow("exporter_sent", "exporter"), "{{exporter}} {{signal}}"),
            unit=PER_MINUTE,
        ),
        lines(
            "Failures inside applications",
            "Does genmeter itself fail inside applications?",
            "Failures a minute by the place in it; the applications' calls go on, their figures may be missing.",
            ask(
                f"60 * sum by (job, genmeter_failure_site) (rate(genmeter_internal_failures_total[{RATE}]))",
                "{{job}} {{genmeter_failure_site}}",
            ),
            unit=PER_MINUTE,
            width=24,
        ),
    ),
)

SERIES = Row(
    "Cardinality: what do the metrics cost?",
    (
        stat(
            "Series of ours",
            "How many series does genmeter cost Prometheus?",
            "Names that begin with genmeter_ or gen_ai_; records are not among them.",
            ask("sum(metric:genmeter_series:count)"),
            COUNT,
            width=4,
        ),
        stat(
            "Overflowing",
            "How many metrics have reached the limit of their labels?",
            "Their totals are right, their parts are not.",
            ask('count({__name__=~"genmeter_.+|gen_ai_.+", otel_metric_overflow="true"}) or vector(0)'),
            COUNT,
            steps={1: BAD},
            width=4,
        ),
        levels(
            "Series by metric",
            "Which metrics have most series?",
            "The fifteen largest. Of one metric 10,000 are the rule of thumb; above 8,000 an alert warns.",
            ask("topk(15, metric:genmeter_series:count)", "{{metric}}"),
            COUNT,
            width=16,
            height=10,
        ),
        lines(
            "Samples of a scrape",
            "How large are the pages that Prometheus scrapes?",
            "Samples by job.",
            ask("sum by (job) (scrape_samples_scraped)", "{{job}}"),
            unit=COUNT,
        ),
        lines(
            "Time of a scrape",
            "How long does a scrape take?",
            "Seconds by job, the slowest instance; near the interval of 15 s figures go missing.",
            ask("max by (job) (scrape_duration_seconds)", "{{job}}"),
            unit=SECONDS,
        ),
    ),
)

ALERTING = Row(
    "Alerting: does it speak, and not too often?",
    (
        stat(
            "Critical in 30 days",
            "How often was a person paged?",
            "Critical alerts that began to fire; 1 to 2 a month are healthy, more tire people out.",
            ask(episodes("critical", 30)),
            COUNT,
            steps={3: WARN, 6: BAD},
            width=4,
        ),
        stat(
            "Warnings in 7 days",
            "How often was a person asked to look today?",
            "Warnings that began to fire; 5 to 10 a week are healthy.",
            ask(episodes("warning", 7)),
            COUNT,
            steps={11: WARN, 21: BAD},
            width=4,
        ),
        stat(
            "Infos in 7 days",
            "How much is only said?",
            "Infos that began to fire; 50 to 100 a week are healthy.",
            ask(episodes("info", 7)),
            COUNT,
            steps={101: WARN, 201: BAD},
            width=4,
        ),
        levels(
            "Loudest alerts in 7 days",
            "Which alerts should be tuned or mended?",
            "How often each began to fire.",
            ask(
                f"topk(10, sum by (alertname) (count_over_time(({FIRING} unless {FIRING} offset 1m)[7d:1m])))",
                "{{alertname}}",
            ),
            COUNT,
            width=12,
        ),
        lines(
            "Notifications",
            "Do the messages go out?",
            "Messages a minute by integration, and the failed ones: a wrong or missing secret file looks like this.",
            ask(f"60 * sum by (integration) (rate(alertmanager_notifications_total[{RATE}])) > 0", "{{integration}}"),
            ask(
                f"60 * sum by (integration) (rate(alertmanager_notifications_failed_total[{RATE}])) > 0",
                "{{integration}} failed",
            ),
            unit=PER_MINUTE,
        ),
        lines(
            "Time of the rules",
            "What do our rules cost Prometheus?",
            "Seconds of the last evaluation of each group; together they should stay under a second.",
            ask(
                "sum by (group) (label_replace("
                'prometheus_rule_group_last_duration_seconds{rule_group=~".*;genmeter-.+"}, "group", "$1", "rule_group", ".*;(.+)"))',
                "{{group}}",
            ),
            unit=SECONDS,
            stacked=True,
        ),
    ),
)

BOARD = Board(
    "telemetry",
    "Telemetry health",
    "May the other dashboards be believed?",
    (PROMETHEUS,),
    (LEDGER, PRICES, PIPELINE, SERIES, ALERTING),
)
