"""The chart of the quality benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.parse_frontier import Point, frontier

_OURS, _OTHERS = "#0b6e4f", "#5f6b7a"


def draw(points: Sequence[Point], path: Path) -> None:
    """Quality against pages per CPU-second, one point a reader, with the frontier; a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.6), dpi=130)
    axes = figure.add_subplot()
    best = frontier(points)
    axes.step(
        [one.speed for one in best], [one.quality for one in best], where="pre", color=_OURS, alpha=0.35, linewidth=2, label="frontier"
    )
    for one in points:
        ours = one.name.startswith("our ")
        axes.scatter(one.speed, one.quality, s=90 if one.name == "our router" else 45, color=_OURS if ours else _OTHERS, zorder=3)
        axes.annotate(one.name, (one.speed, one.quality), xytext=(6, 6), textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(min(one.speed for one in points) / 1.6, max(one.speed for one in points) * 4)
    axes.set_ylim(min(one.quality for one in points) - 0.05, 1.0)
    axes.set_xlabel("pages per CPU-second")
    axes.set_ylabel("quality: mean of text, order, headings, tables")
    axes.grid(visible=True, alpha=0.25)
    axes.legend(loc="lower left", frameon=False)
    figure.tight_layout()
    figure.savefig(path)
