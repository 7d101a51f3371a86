"""aioboto3 and Bedrock: what boto3 does, awaited."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..contract import Sdk
from .boto3 import CALLS, ERRORS, KEYS, ODD


@cache
def session() -> Any:
    """One for all clients: it reads the description of the service once."""
    import aioboto3

    return aioboto3.Session()


def async_client(url: str) -> Any:
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    return session().client("bedrock-runtime", endpoint_url=url, config=once, **KEYS)


SDK = Sdk(
    name="aioboto3",
    module="aioboto3",
    distribution="aioboto3",
    table="aiobotocore",
    client=None,
    async_client=async_client,
    calls=CALLS[:1],
    errors=ERRORS,
    odd=ODD,
)
