"""The refusals of calls: exceptions that a rule of the user's own asks for. No other exception of ours reaches the app."""

from __future__ import annotations

from ...errors import GenmeterError


class RejectedCall(GenmeterError, RuntimeError):
    """A call that a rule of the user's own forbids. It is raised before any request is sent."""


class UnattributedCall(RejectedCall):
    """A call without a payer, while the policy for such calls is ``reject``."""


class UncheckedCall(RejectedCall):
    """A call that genmeter could not check because of a fault of its own, while a rule says ``reject``.

    Enforcement fails closed: a fault of ours must not let a call pass that the rule may forbid.
    """

    def __init__(self, rule: str, fault: str) -> None:
        super().__init__(rule, fault)
        self.rule = rule
        self.fault = fault

    def __str__(self) -> str:
        return (
            f"genmeter: this call was not checked against {self.rule}, because genmeter itself failed ({self.fault}), and "
            "reject is set: no request was sent. Please report the failure; calls go through unchecked with "
            'unattributed = "warn" and budgets whose on_exceed is "warn"'
        )


class BudgetUnreachable(RejectedCall):
    """A call of a shared budget about which the ledger service says nothing, while its ``unreachable`` is ``reject``."""

    def __init__(self, budget_id: str, fault: str) -> None:
        super().__init__(budget_id, fault)
        self.budget_id = budget_id
        self.fault = fault

    def __str__(self) -> str:
        return (
            f"genmeter: the ledger service says nothing about the budget {self.budget_id!r} ({self.fault}), and its "
            "unreachable is reject: no request was sent. Calls go through again once the service answers; with "
            'unreachable = "local" each application keeps to the amount by itself meanwhile'
        )
