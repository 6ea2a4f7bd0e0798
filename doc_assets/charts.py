"""Charts and pictures as metadata values."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import dagster as dg

_DPI = 110
_COLOUR = "#4F43DD"


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


def _png(figure: Any) -> dg.MarkdownMetadataValue:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return image(buffer.getvalue())
