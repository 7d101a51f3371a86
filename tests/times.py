"""A plugin of the runner: at its end stands how much computing each room's tests took, their programs' included.

Seconds of a processor and not of a clock: a neighbour on the machine changes them little, so two days compare.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest


class Times:
    """Measures in the process that runs a test, and adds up in the one that prints."""

    def __init__(self) -> None:
        self.rooms: Counter[str] = Counter()
        self._last = _spent()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self._last = _spent()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, pytest.TestReport]:
        report = yield
        now = _spent()
        report.processor_seconds = now - self._last
        self._last = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        folders = report.nodeid.partition("::")[0].split("/")[:-1]
        self.rooms["/".join(folders[:2])] += getattr(report, "processor_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("seconds of a processor, by room")
        for room, seconds in self.rooms.most_common():
            terminalreporter.write_line(f"{seconds:8.1f}  {room}")
        terminalreporter.write_line(f"{self.rooms.total():8.1f}  all")


def _spent() -> float:
    # Children count once they have been waited for.
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def pytest_configure(config: pytest.Config) -> None:
    """Each process of a run has its own."""
    config.pluginmanager.register(Times(), "seconds-of-a-processor")
