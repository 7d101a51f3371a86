"""aiobotocore and Bedrock: what boto3 does, awaited."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..contract import Sdk
from .boto3 import CALLS, ERRORS, KEYS, ODD


@cache
def session() -> Any:
    """One for all clients: it reads the description of the service once."""
    import aiobotocore.session

    return aiobotocore.session.get_session()


def async_client(url: str) -> Any:
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    return session().create_client("bedrock-runtime", endpoint_url=url, config=once, **KEYS)


SDK = Sdk(
    name="aiobotocore",
    module="aiobotocore",
    distribution="aiobotocore",
    table="aiobotocore",
    client=None,
    async_client=async_client,
    calls=CALLS,
    errors=ERRORS,
    odd=ODD,
)
