"""Amounts of money for people."""

from __future__ import annotations

_CENT = 0.01


def dollars(usd: float) -> str:
    """As few digits as say something: `5.00`, `0.7512`, `0.000023`."""
    if round(usd, 2) == round(usd, 6):
        return f"{usd:,.2f}"
    return f"{usd:,.4f}" if usd >= _CENT else f"{usd:.6f}"
