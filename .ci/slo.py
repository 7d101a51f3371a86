"""Writes collector-config/prometheus/rules/slo.yaml from collector-config/slo.yaml (``--check`` writes nothing).

Multi-window burn rates as in Google's SRE workbook: a page at 14.4 times the even burn, which spends 2 % of the budget of
30 days in an hour, tickets at less. Windows are sums over recorded events, so that an empty hour weighs nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from genmeter.names import SECONDS_BUCKETS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "collector-config" / "slo.yaml"
TARGET = ROOT / "collector-config" / "prometheus" / "rules" / "slo.yaml"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
LEVELS = (
    ("GenmeterSloBurnsFast", "critical", "2m", (("1h", "5m", 14.4), ("6h", "30m", 6))),
    ("GenmeterSloBurnsSlowly", "warning", "15m", (("1d", "2h", 3), ("3d", "6h", 1))),
)
"""Alert, severity, for, and its pairs: long window, short window, times the budget's even burn."""
BY = "genmeter_department, genmeter_application"
CALLS = "gen_ai_client_inference_duration_seconds"
HEADER = """# Written by .ci/slo.py from ../../slo.yaml; do not edit. Share of bad calls of an application in a window, and alerts
# where it burns the error budget of 30 days too fast in a long and a short window at once.
"""


class SloError(ValueError):
    """What is wrong in slo.yaml, and where."""


def check(slo: dict[str, Any]) -> None:
    """Refuse an objective that cannot be computed."""
    name = slo.get("name")
    if slo.get("kind") not in ("availability", "latency"):
        raise SloError(f"slo {name!r}: kind is {slo.get('kind')!r}; write availability or latency")
    if not 0 < slo["objective"] < 1:
        raise SloError(f"slo {name!r}: objective is {slo['objective']}; write a share between 0 and 1, such as 0.99")
    if slo["kind"] == "latency" and slo.get("seconds") not in SECONDS_BUCKETS:
        raise SloError(
            f"slo {name!r}: {slo.get('seconds')} seconds is no bound of the histogram; write one of {SECONDS_BUCKETS}"
        )


def rules(slo: dict[str, Any]) -> list[dict[str, Any]]:
    """The records and alerts of one objective."""
    labels = {"slo": slo["name"]}
    series = f'{{slo="{slo["name"]}"}}'
    total = f"sum by ({BY}) (rate({CALLS}_count[5m]))"
    if slo["kind"] == "availability":
        bad = f'sum by ({BY}) (rate({CALLS}_count{{error_type!=""}}[5m])) or 0 * {total}'
    else:
        # A failed call is the other objective's; counted here it could look fast.
        total = f'sum by ({BY}) (rate({CALLS}_count{{error_type=""}}[5m]))'
        bad = f'{total} - sum by ({BY}) (rate({CALLS}_bucket{{error_type="", le="{slo["seconds"]}"}}[5m]))'
    made: list[dict[str, Any]] = [
        {"record": "application:slo_calls:rate5m", "expr": total, "labels": labels},
        {"record": "application:slo_bad_calls:rate5m", "expr": bad, "labels": labels},
        {"record": "slo:genmeter_objective:ratio", "expr": f"vector({slo['objective']})", "labels": labels},
    ]
    for window in WINDOWS:
        bad_sum = over("application:slo_bad_calls:rate5m", series, window)
        all_sum = over("application:slo_calls:rate5m", series, window)
        record = f"application:slo_bad_calls:ratio_rate{window}"
        made.append({"record": record, "expr": f"{bad_sum} / ({all_sum} > 0)", "labels": labels})
    return made + [alert(slo, *level) for level in LEVELS]


def over(record: str, series: str, window: str) -> str:
    """The recorded rate, added up at steps of five minutes; of five minutes itself."""
    return f"{record}{series}" if window == "5m" else f"sum_over_time({record}{series}[{window}:5m])"


def alert(slo: dict[str, Any], name: str, severity: str, wait: str, pairs: tuple[Any, ...]) -> dict[str, Any]:
    """One alert: any of its pairs of windows."""
    series = f'{{slo="{slo["name"]}"}}'
    budget = round(1 - slo["objective"], 6)
    burning = "\nor ".join(
        f"(application:slo_bad_calls:ratio_rate{long}{series} > {burn} * {budget:g}"
        f" and application:slo_bad_calls:ratio_rate{short}{series} > {burn} * {budget:g}"
        f" and 300 * sum_over_time(application:slo_calls:rate5m{series}[{long}:5m]) > {slo['minimum_calls']})"
        for long, short, burn in pairs
    )
    return {
        "alert": name,
        "expr": burning,
        "for": wait,
        "labels": {"severity": severity, "category": "slo", "slo": slo["name"]},
        "annotations": {
            "summary": f"{{{{ $labels.genmeter_application }}}} burns its {slo['name']} objective",
            "description": (
                f'{{{{ $value | humanizePercentage }}}} of the calls of application "{{{{ $labels.genmeter_application }}}}"'
                f" are bad by the {slo['name']} objective, which allows {100 * budget:g} %."
            ),
            "runbook_url": "collector-config/runbook.md#slo-burns",
        },
    }


def made(text: str) -> str:
    """The rules for the text of an slo.yaml."""
    groups: list[dict[str, Any]] = []
    for slo in yaml.safe_load(text)["slos"]:
        check(slo)
        groups.append({"name": f"genmeter-slo-{slo['name']}", "rules": rules(slo)})
    return HEADER + yaml.dump({"groups": groups}, Dumper=_Plain, sort_keys=False, width=1000)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def main(arguments: list[str]) -> int:
    """Write the rules, or say that they are not in step."""
    try:
        text = made(SOURCE.read_text(encoding="utf-8"))
    except SloError as error:
        print(f"{SOURCE}: {error}", file=sys.stderr)
        return 1
    if "--check" in arguments:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET} is not what {SOURCE} makes; run: python .ci/slo.py", file=sys.stderr)
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
