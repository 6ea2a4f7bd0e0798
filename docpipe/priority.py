"""Which priority an object's place in the bucket gives it."""

from __future__ import annotations

from functools import lru_cache

from docpipe.waiting_line import HIGHEST, LOWEST


@lru_cache(maxsize=8)
def priority_rules(text: str) -> tuple[tuple[str, int], ...]:
    """Read `urgent/=10,archive/=-10`; longest prefix first, so that the first that fits counts.

    Raises `ValueError` for what is no rule, and for a priority beyond `LOWEST` and `HIGHEST`.
    """
    rules = []
    for rule in filter(None, map(str.strip, text.split(","))):
        prefix, _, number = rule.rpartition("=")
        try:
            priority = int(number)
        except ValueError:
            priority = HIGHEST + 1
        if not prefix or not LOWEST <= priority <= HIGHEST:
            raise ValueError(f"{rule!r} is no rule: write PREFIX=NUMBER with a number from {LOWEST} to {HIGHEST}")
        rules.append((prefix, priority))
    return tuple(sorted(rules, key=lambda one: -len(one[0])))


def priority_of(object_key: str, rules: str) -> int:
    """The priority that the rules give an object; 0 where none fits."""
    return next((priority for prefix, priority in priority_rules(rules) if object_key.startswith(prefix)), 0)
