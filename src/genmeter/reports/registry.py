"""Every report there is. A report is one module of this folder and one line here; commands, routes and views follow."""

from __future__ import annotations

from typing import Final

from genmeter.reports import budgeting, chargeback, coding, failing, reporting, tracing, unpricing
from genmeter.reports.report import Report

REPORTS: Final[dict[str, Report]] = {
    report.name: report
    for report in (
        reporting.REPORT,
        tracing.REPORT,
        unpricing.REPORT,
        failing.REPORT,
        coding.REPORT,
        budgeting.REPORT,
        chargeback.REPORT,
    )
}
"""Name → report, in the order that help and page show them."""
