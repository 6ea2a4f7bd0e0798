"""The setting that limits what providers are paid a day."""

from __future__ import annotations

import math
from collections.abc import Mapping


def parse_budgets(text: str) -> Mapping[str, float]:
    """Read `openai=5.00,azure=2`: US dollars a day by provider; raises `ValueError`, which says what is wrong."""
    budgets: dict[str, float] = {}
    for part in filter(str.strip, text.split(",")):
        name, equals, amount = part.partition("=")
        provider = name.strip().lower()
        if not equals or not provider:
            raise ValueError("write provider=dollars, separated by commas, as in openai=5.00,azure=2")
        try:
            dollars = float(amount)
        except ValueError:
            dollars = math.nan
        if not math.isfinite(dollars) or dollars < 0:
            raise ValueError(f"the budget of {provider} is no number of US dollars from 0 on")
        if provider in budgets:
            raise ValueError(f"{provider} has two budgets: leave one")
        budgets[provider] = dollars
    return budgets
