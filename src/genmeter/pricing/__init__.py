"""List prices of model calls: exact integers, dated rows, and a refusal with a reason where no price is known.

Pure: no clock, no network, no telemetry. ``Catalogue.bundled()`` is what came with the package.
"""

from genmeter.pricing.catalogue import Catalogue, Explanation, Listing
from genmeter.pricing.charge import Term
from genmeter.pricing.override import Overrides, PricesError, parse
from genmeter.pricing.own import Addresses, catalogue_for

__all__ = [
    "Addresses",
    "Catalogue",
    "Explanation",
    "Listing",
    "Overrides",
    "PricesError",
    "Term",
    "catalogue_for",
    "parse",
]
