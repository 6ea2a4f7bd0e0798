"""How many pages each reader took, and at what cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from docpipe.models import Page


@dataclass(frozen=True, slots=True)
class RouteTotal:
    """All pages of one route."""

    route: str
    pages: int
    seconds: float
    """In the worker, rendering and models included."""


def route_totals(pages: Iterable[Page]) -> list[RouteTotal]:
    """One total a route, the one with most pages first."""
    counts: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for page in pages:
        counts[page.route] = counts.get(page.route, 0) + 1
        seconds[page.route] = seconds.get(page.route, 0.0) + page.seconds
    return [RouteTotal(route, counts[route], round(seconds[route], 4)) for route in sorted(counts, key=lambda one: (-counts[one], one))]
