"""Charts and pictures as metadata values."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import cycle
from math import nan
from typing import Any

import dagster as dg

_DPI = 110
_COLOUR = "#4F43DD"
_COLOURS = (_COLOUR, "#D9534F", "#E8A33D", "#3C9D7A", "#7A7A8C")
"""Of several series: told apart by people who see few colours too, and the first is that of all charts."""


def histogram(values: Sequence[float], label: str) -> dg.MarkdownMetadataValue:
    """How often which value occurs among the chunks."""
    figure, axes = _axes(4.2, 2.2)
    axes.hist(values, bins=32, color=_COLOUR)
    axes.set_xlabel(label)
    axes.set_ylabel("chunks")
    return _png(figure)


def bars(names: Sequence[str], values: Sequence[float], notes: Sequence[str], label: str) -> dg.MarkdownMetadataValue:
    """A bar for each name, the first on top, with a note at its end."""
    figure, axes = _axes(5.6, 0.8 + 0.32 * len(names))
    places = range(len(names))
    axes.barh(places, values, color=_COLOUR, height=0.62)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    # Room for the note of the longest bar.
    axes.set_xlim(0, max(values, default=1) * 1.55)
    for place, value, note in zip(places, values, notes, strict=True):
        axes.annotate(note, (value, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5, color="#444450")
    return _png(figure)


def trend(values: Sequence[float], label: str) -> dg.MarkdownMetadataValue:
    """One evaluation after the other, the last on the right."""
    figure, axes = _axes(5.6, 2.2)
    axes.plot(range(1, len(values) + 1), values, color=_COLOUR, marker="o", markersize=4)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("evaluation")
    axes.set_ylabel(label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", alpha=0.3)
    return _png(figure)


def daily_bars(days: Sequence[str], series: Mapping[str, Sequence[float]], label: str) -> dg.MarkdownMetadataValue:
    """A bar for each day, one part of it upon the other."""
    figure, axes = _axes(5.6, 2.4)
    below = [0.0] * len(days)
    for (name, values), colour in zip(series.items(), cycle(_COLOURS), strict=False):
        axes.bar(range(len(days)), values, bottom=below, color=colour, width=0.72, label=name)
        below = [sum(pair) for pair in zip(below, values, strict=True)]
    axes.set_ylim(0, (max(below, default=0) or 1) * 1.08)
    return _by_day(figure, axes, days, label, legend=len(series) > 1)


def daily_lines(days: Sequence[str], series: Mapping[str, Sequence[float | None]], label: str) -> dg.MarkdownMetadataValue:
    """A line for each series; a day without a value is a gap."""
    figure, axes = _axes(5.6, 2.4)
    for (name, values), colour in zip(series.items(), cycle(_COLOURS), strict=False):
        axes.plot(range(len(days)), [nan if one is None else one for one in values], color=colour, marker="o", markersize=4, label=name)
    axes.set_ylim(0, (max((one for values in series.values() for one in values if one is not None), default=0) or 1) * 1.08)
    return _by_day(figure, axes, days, label, legend=len(series) > 1)


def image(data: bytes, media_type: str = "image/png") -> dg.MarkdownMetadataValue:
    """A picture in the text itself: Dagster has no other place for it."""
    return dg.MetadataValue.md(f"![picture](data:{media_type};base64,{base64.b64encode(data).decode()})")


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def _by_day(figure: Any, axes: Any, days: Sequence[str], label: str, *, legend: bool) -> dg.MarkdownMetadataValue:
    # Month and day, and not so many that they overlap.
    every = max(1, len(days) // 7)
    axes.set_xticks(range(0, len(days), every), [day[5:] for day in days[::every]])
    axes.set_xlim(-0.6, max(len(days), 1) - 0.4)
    axes.set_ylabel(label)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if legend:
        figure.legend(loc="outside upper left", ncols=5, fontsize=8, frameon=False)
    return _png(figure)


def _png(figure: Any) -> dg.MarkdownMetadataValue:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return image(buffer.getvalue())
