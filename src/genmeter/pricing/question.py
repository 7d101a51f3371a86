"""The question that the price book answers about one call. ``Question`` in Go has the same fields and names."""

from __future__ import annotations

from dataclasses import dataclass

from genmeter.model import Usage


@dataclass(slots=True)
class Question:
    """One call to be priced. It began at Unix second ``at``. None means unknown.

    ``seller`` is the id of the catalogue (``openai``), the value of ``gen_ai.provider.name``, or an alias.
    ``service_tier`` and ``region`` are those of the response. ``partial`` marks a cut stream:
    the tokens that arrived are priced, and an unknown total counts as zero.

    The book never writes to a question. The class is not frozen all the same: one is made for every call that is
    metered, and a frozen dataclass takes four times as long to make.
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
