"""List prices of model calls: exact integers, dated rows, and a refusal with a reason where no price is known.

Pure: no clock, no network, no telemetry. ``Catalogue.bundled()`` is what came with the package.
"""

from genmeter.pricing.catalogue import Catalogue, Explanation, Listing
from genmeter.pricing.charge import Term
from genmeter.pricing.override import Overrides, PricesError, parse
from genmeter.pricing.own import Addresses, catalogue_for
from genmeter.pricing.question import Question

__all__ = [
    "Addresses",
    "Catalogue",
    "Explanation",
    "Listing",
    "Overrides",
    "PricesError",
    "Question",
    "Term",
    "catalogue_for",
    "parse",
]
