"""Pieces of expressions that more than one panel uses.

Money and booked calls of a range come from the ledger's gauges, exact: their value at the end minus that at the start.
Rates come from the recording rules. Quantiles read the raw histograms, because only these carry exemplars and can be
narrowed to a department and an application.
"""

from __future__ import annotations

BOOKED = 'department=~"$department", application=~"$application"'
"""Labels of the ledger's gauges, as chosen above the dashboard."""
BILLED = BOOKED + ', model=~"$billed"'
SENT = 'genmeter_department=~"$department", genmeter_application=~"$application"'
"""The same labels of what applications and the collector send."""
ASKED = SENT + ', gen_ai_request_model=~"$model"'
PARTS = "model, department, application"
RATE, RANGE = "$__rate_interval", "$__range"

SPEND, CALLS = "genmeter_ledger_spend_usd", "genmeter_ledger_calls"
INFERENCE, EMBEDDINGS = "gen_ai_client_inference_duration_seconds", "gen_ai_client_embeddings_duration_seconds"
COLLECTOR = "genmeter_collector_call_duration_seconds"
FIRING = 'ALERTS{alertstate="firing", alertname=~"Genmeter.+"}'


def grown(gauge: str, chosen: str, by: str = "", window: str = RANGE) -> str:
    """How much a gauge of the ledger has grown in a window. A series that was born in it began at 0.

    The last value within an hour before is taken, so that a short outage of the ledger does not look like a birth.
    Several ledgers on one store say the same, hence max.
    """
    end = f"max by ({PARTS}) (last_over_time({gauge}{{{chosen}}}[1h]))"
    start = f"max by ({PARTS}) (last_over_time({gauge}{{{chosen}}}[1h] offset {window}))"
    return f"sum{grouped(by)} ({end} - ({start} or 0 * {end}))"


def ratio(part: str, whole: str) -> str:
    """A share, where there is something to have a share of."""
    return f"{part} / ({whole} > 0)"


def grouped(by: str) -> str:
    """`` by (...)``, or nothing."""
    return f" by ({by})" if by else ""


def over_range(record: str, by: str = "") -> str:
    """What a recorded rate a second adds up to in the range, at steps of a minute."""
    return f"60 * sum{grouped(by)} (sum_over_time({record}[$__range:1m]))"


def both(application: str, collector: str, chosen: str, window: str) -> str:
    """Rates of a series of genmeter's meter and of its counterpart of the collector's, which counts all other calls."""
    return (
        f'label_replace(rate({application}{{{chosen}}}[{window}]), "meter", "application", "", "")'
        f' or label_replace(rate({collector}{{{chosen}}}[{window}]), "meter", "collector", "", "")'
    )


def buckets(chosen: str, by: str = "le", window: str = RATE) -> str:
    """Calls a second by how long they took."""
    return f"sum by ({by}) ({both(f'{INFERENCE}_bucket', f'{COLLECTOR}_bucket', chosen, window)})"


def quantile(share: float, histogram: str) -> str:
    """A quantile of summed buckets; nothing (and not NaN) where no call was made."""
    return f"histogram_quantile({share}, {histogram}) > 0"


def first_chunk(share: float) -> str:
    """A quantile of the time to the first chunk, by model."""
    name = "gen_ai_client_inference_time_to_first_chunk_seconds_bucket"
    return quantile(share, f"sum by (le, gen_ai_request_model) (rate({name}{{{ASKED}}}[{RATE}]))")


def own_calls(chosen: str, window: str, by: str = "") -> str:
    """Calls a second of applications with genmeter, the ones of which it is known how they ended."""
    return (
        f'sum{grouped(by)} (label_replace(rate({INFERENCE}_count{{{chosen}}}[{window}]), "kind", "inference", "", "")'
        f' or label_replace(rate({EMBEDDINGS}_count{{{chosen}}}[{window}]), "kind", "embeddings", "", ""))'
    )
