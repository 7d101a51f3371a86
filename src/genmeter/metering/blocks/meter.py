"""The meter that is at work, for blocks of the program: they stand in its code whether or not anything is metered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..telemetry import Telemetry


class Meter:
    """What the running instrumentation writes with; None while nothing is metered."""

    telemetry: Telemetry | None = None


meter = Meter()
