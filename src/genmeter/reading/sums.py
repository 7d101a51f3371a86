"""Metrics of other programs that are sums of tokens or of money; ``metrics`` in ``data/conventions.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genmeter.spelling import words


class Sums:
    """The table, asked by the name of a metric."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._prefixes, self._words, self._times = tuple(data["prefixes"]), set(data["words"]), set(data["times"])

    def __contains__(self, metric: object) -> bool:
        """Whether a metric of this name has sums of tokens or of money.

        >>> from genmeter.reading.conventions import bundled
        >>> "gen_ai.client.token.usage" in bundled().sums, "gen_ai.client.operation.time_per_token" in bundled().sums
        (True, False)
        """
        if not isinstance(metric, str) or not metric.startswith(self._prefixes):
            return False
        said = words(metric)
        return not said.isdisjoint(self._words) and said.isdisjoint(self._times)
