"""The ``replicate`` package: predictions of any model that Replicate runs.

``replicate.run`` and the other functions of the package are methods of a client that the package makes while it is
imported. They, and the methods of every client, call functions of one module.
"""

from __future__ import annotations

from ..dialects.replicate import REPLICATE_PREDICTION, REPLICATE_STREAM
from ..families.replicate import REPLICATE, arrivals, creates, functions
from ..spec import Provider

REPLICATE_SDK = Provider(
    sdk="replicate",
    name="replicate",
    family=REPLICATE,
    targets=(
        *functions("replicate.client", REPLICATE_PREDICTION, REPLICATE_STREAM),
        *creates("replicate.prediction", "Predictions", REPLICATE_PREDICTION, "version", "input"),
        *creates("replicate.model", "ModelsPredictions", REPLICATE_PREDICTION, "model", "input"),
        *creates("replicate.deployment", "DeploymentsPredictions", REPLICATE_PREDICTION, "deployment", "input"),
        *creates("replicate.deployment", "DeploymentPredictions", REPLICATE_PREDICTION, "input"),
    ),
    error_by_status=True,
    arrivals=arrivals("replicate.prediction", "replicate.model", "replicate.deployment"),
)
