"""The base of every exception that genmeter raises, so that one ``except`` clause catches them all."""

from __future__ import annotations


class GenmeterError(Exception):
    """An error that genmeter itself reports: a setting, a budget, a refused call, a ledger that cannot be used.

    Each class below it also keeps the built-in base that fits (``ValueError``, ``RuntimeError``). An exception of a
    provider's SDK is never one of these: it reaches the application as the SDK raised it.
    """
