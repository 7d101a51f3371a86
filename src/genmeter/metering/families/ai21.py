"""Clients of ai21: AI21 itself and its models on AWS, Azure and Google. Their streams are made as Stainless's are.

A client keeps its address without a public name. An exception for a status is raised after the response has come.
"""

from __future__ import annotations

from dataclasses import replace

from . import stainless
from .plain import kept_server, status


def unsent(error: BaseException) -> bool:
    """Whether no server has answered, and no frame of the HTTP library sent anything."""
    return status(error) is None and stainless.unsent(error)


AI21 = replace(stainless.STAINLESS, server=kept_server, deliver=stainless.deliver_parsed, unsent=unsent)
