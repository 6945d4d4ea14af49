"""How sure a rate is that was counted."""

from __future__ import annotations

from scipy.special import gammaincinv


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact 95 % interval of the expectation behind a Poisson count (Garwood 1936)."""
    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low, float(gammaincinv(count + 1, 0.975))
