"""Who pays: runs first, because a call may be rejected for want of an answer before any request is sent."""

from __future__ import annotations

from opentelemetry.context import Context

from ... import names
from ...model import AttributeValue, Invocation
from ..context import Attributor


def attribute(invocation: Invocation, attributor: Attributor, context: Context) -> dict[str, AttributeValue]:
    """Find who pays and give the attributes that say so, for the span's start.

    Raises:
        UnattributedCall: the policy is ``reject`` and a required field is missing.
    """
    found = invocation.attribution = attributor.find(context)
    attributes: dict[str, AttributeValue] = {}
    if attributor.check(found):
        attributes[names.UNATTRIBUTED] = True
    user, department, application, session = found
    if user is not None:
        attributes[names.USER_ID] = user
    if department is not None:
        attributes[names.DEPARTMENT] = department
    if application is not None:
        attributes[names.APPLICATION] = application
    if session is not None:
        attributes[names.SESSION_ID] = session
    return attributes
