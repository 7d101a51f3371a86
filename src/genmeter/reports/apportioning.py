"""Exact shares of an amount: whole pico-units that add up to the amount, and rounded rows that add up to the rounded total.

Both are by the method of the largest remainder: each share is cut down first, and the units that are left go to the
shares that lost most. Of shares that lost alike, the first in the order of the rows gets the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in parts along the weights, which are not negative. The parts add up to the amount to the last unit.

    Where all weights are zero, the parts are alike. Without weights there are no parts, and the amount must be zero.

    >>> shares(100, [1, 1, 1]), shares(-7, [3, 0, 1]), shares(5, [0, 0])
    ([34, 33, 33], [-5, 0, -2], [3, 2])
    """
    if not weights:
        if amount:
            raise ValueError(f"nothing bears the amount {amount}")
        return []
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    sign, left = (-1 if amount < 0 else 1), abs(amount)
    parts = [left * weight // whole for weight in weights]
    lost = sorted(range(len(weights)), key=lambda place: (-(left * weights[place] % whole), place))
    for place in lost[: left - sum(parts)]:
        parts[place] += 1
    return [sign * part for part in parts]


def percent(amount: int, rate: Fraction) -> int:
    """So many percent of an amount, rounded to a whole unit; a half is rounded away from zero.

    >>> percent(1_000, Fraction("12.25")), percent(-50, Fraction(1))
    (123, -1)
    """
    return half_up(amount * rate / 100)


def half_up(exact: Fraction) -> int:
    """The nearest whole number; a half is rounded away from zero.

    >>> half_up(Fraction(5, 2)), half_up(Fraction(-5, 2))
    (3, -3)
    """
    cut = (abs(exact.numerator) * 2 + exact.denominator) // (exact.denominator * 2)
    return -cut if exact < 0 else cut


def rounded(amounts: Sequence[int], unit: int) -> list[int]:
    """Each amount as a multiple of ``unit``, so that they add up to the rounded sum of all. No amount moves by a unit.

    >>> rounded([149, 149, 149], 100), rounded([60, -60], 100)
    ([200, 100, 100], [100, -100])
    """
    goal = half_up(Fraction(sum(amounts), unit))
    parts = [amount // unit for amount in amounts]
    lost = sorted(range(len(amounts)), key=lambda place: (-(amounts[place] % unit), place))
    for place in lost[: goal - sum(parts)]:
        parts[place] += 1
    return [part * unit for part in parts]
