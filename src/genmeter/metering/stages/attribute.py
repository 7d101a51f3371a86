"""Who pays: runs first, because a call may be rejected for want of an answer before any request is sent."""

from __future__ import annotations

from opentelemetry.context import Context

from ... import names
from ...model import AttributeValue, Invocation
from .. import guard
from ..blocks import frame
from ..payers.attributor import Attributor
from ..payers.rules import RejectedCall, UncheckedCall
from ..telemetry import Telemetry


def admit(invocation: Invocation, telemetry: Telemetry, context: Context) -> dict[str, AttributeValue]:
    """Let a call begin, and give the attributes that say who pays, for the span's start.

    Metering fails open and enforcement fails closed. After a fault of ours the call has no payer and counts in every
    budget; where a rule that says ``reject`` could not be asked, the call is refused.

    Raises:
        RejectedCall: the call has no payer, a budget or the limit of a block is spent, or a fault of ours kept a rule
            from being asked.
    """
    attributes: dict[str, AttributeValue] = {}
    try:
        attribute(invocation, telemetry.attributor, context, attributes)
    except RejectedCall:
        raise
    except Exception as error:
        guard.failed("attribute", error, telemetry.attributor.rejects)
        invocation.unread = True
        if telemetry.attributor.rejects:
            raise UncheckedCall("the policy for calls without attribution", type(error).__name__) from None
    limits = telemetry.limits
    if limits is not None:
        try:
            limits.admit(invocation)
        except RejectedCall:
            raise
        except Exception as error:
            guard.failed("budget", error, limits.rejects)
            if limits.rejects:
                raise UncheckedCall("the budgets", type(error).__name__) from None
    if frame.FRAME in context:
        try:
            frame.admit(invocation, context, attributes)
        except RejectedCall:
            invocation.reserved = ()
            raise
        except Exception as error:
            guard.failed("block", error)
    return attributes


def attribute(
    invocation: Invocation, attributor: Attributor, context: Context, attributes: dict[str, AttributeValue]
) -> None:
    """Find who pays, and write it into the record and the attributes.

    Raises:
        UnattributedCall: the policy is ``reject`` and a required field is missing.
    """
    found = invocation.attribution = attributor.find(context)
    user, department, application, session = found
    if user is not None:
        attributes[names.USER_ID] = user
    if department is not None:
        attributes[names.DEPARTMENT] = department
    if application is not None:
        attributes[names.APPLICATION] = application
    if session is not None:
        attributes[names.SESSION_ID] = session
    if attributor.checks and attributor.check(found):
        attributes[names.UNATTRIBUTED] = True


def owe(invocation: Invocation, telemetry: Telemetry, context: Context) -> dict[str, AttributeValue]:
    """As ``admit``, for a call whose money is spent: no rule can refuse it, and a missing payer is marked."""
    attributes: dict[str, AttributeValue] = {}
    try:
        attribute(invocation, telemetry.attributor, context, attributes)
    except RejectedCall:
        attributes[names.UNATTRIBUTED] = True
    except Exception as error:
        guard.failed("attribute", error)
        invocation.unread = True
    if frame.FRAME in context:
        guard.step("block", frame.owe, invocation, context, attributes)
    return attributes
