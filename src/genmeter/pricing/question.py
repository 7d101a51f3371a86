"""The question that the price book answers about one call. ``Question`` in Go has the same fields and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from genmeter.model import Usage


class Question(NamedTuple):
    """One call to be priced. It began at Unix second ``at``. None means unknown.

    ``seller`` is the id of the catalogue (``openai``), the value of ``gen_ai.provider.name``, or an alias.
    ``service_tier`` and ``region`` are those of the response. ``partial`` marks a cut stream:
    the tokens that arrived are priced, and an unknown total counts as zero.

    A named tuple, because one is made for every call that is metered: a tuple is taken apart in one step, and ``asked``
    makes it in half the time of a call of the class.
    """

    seller: str | None
    request_model: str | None
    response_model: str | None
    usage: Usage | None
    at: float
    service_tier: str | None = None
    batch: bool = False
    region: str | None = None
    partial: bool = False


asked = cast("Callable[[type[Question], tuple[object, ...]], Question]", getattr(tuple, "__new__"))  # noqa: B009
"""Makes a question of all nine values: ``asked(Question, (seller, ...))``. For the path of every call."""
