"""Charts of the samples, as one-page PDFs (drawn) or PNG pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from samples.company import FARMS, YEARS, stops

TEAL, ORANGE, GREY, SAND = "#0d4a5c", "#e07a2f", "#8a949b", "#d9c9a8"


def _chart(draw: Callable[[Any], None], width: float, height: float, picture: bool) -> bytes:
    """Width and height in inches; PNG at 150 dpi for a picture, PDF otherwise; no date inside."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(
        {"pdf.fonttype": 42, "font.size": 8.5, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
    ):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        target = io.BytesIO()
        if picture:
            figure.savefig(target, format="png", dpi=150, metadata={"Software": None})
        else:
            figure.savefig(target, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return target.getvalue()


def production(picture: bool = False) -> bytes:
    """Electricity by farm and year."""

    def draw(axes: Any) -> None:
        for position, (year, color) in enumerate(zip(YEARS, (SAND, GREY, TEAL), strict=True)):
            places = np.arange(len(FARMS)) + (position - 1) * 0.26
            axes.bar(places, [farm.production[position] for farm in FARMS], 0.24, label=str(year), color=color)
        axes.set_xticks(range(len(FARMS)), [farm.name for farm in FARMS], fontsize=7.5)
        axes.set_ylabel("GWh")
        axes.grid(axis="y", alpha=0.3)
        axes.legend(frameon=False)

    return _chart(draw, 6.6, 2.9, picture)


def availability(picture: bool = False) -> bytes:
    """Technical availability by farm over the years."""

    def draw(axes: Any) -> None:
        for farm, color, style in zip(
            FARMS, (TEAL, ORANGE, GREY, "#3a8f6b", "#7a5ba8", "#b5423c"), ("-", "--", ":", "-", "--", ":"), strict=True
        ):
            axes.plot(YEARS, farm.availability, style, color=color, marker="o", markersize=3.5, label=farm.name)
        axes.set_xticks(YEARS)
        axes.set_ylabel("availability, %")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, ncols=2, fontsize=7.5, loc="lower left", bbox_to_anchor=(1.0, 0.2))

    return _chart(draw, 6.6, 2.5, picture)


def components(picture: bool = False) -> bytes:
    """Hours of long stops in 2024 by component."""
    hours: dict[str, int] = {}
    for stop in stops():
        hours[stop.component] = hours.get(stop.component, 0) + stop.hours
    ordered = sorted(hours.items(), key=lambda entry: entry[1])

    def draw(axes: Any) -> None:
        axes.barh([name for name, _ in ordered], [total for _, total in ordered], color=TEAL, height=0.62)
        axes.set_xlabel("hours out of operation")
        axes.grid(axis="x", alpha=0.3)

    return _chart(draw, 6.6, 2.5, picture)


def power_curve(picture: bool = False) -> bytes:
    """Output over wind speed for a clean and an iced rotor; a scatter of ten-minute means around them."""
    draw_points = np.random.Generator(np.random.PCG64(11))

    def curve(speed: np.ndarray, top: float, shift: float) -> np.ndarray:
        return np.asarray(top / (1 + np.exp(-(speed - 8.4 - shift) * 0.95)) * (speed > 3))

    def draw(axes: Any) -> None:
        speed = np.linspace(2, 18, 200)
        for top, shift, color, label in ((5.6, 0.0, TEAL, "clean rotor"), (4.75, 1.3, ORANGE, "iced rotor")):
            points = draw_points.uniform(3.2, 17.5, 170)
            axes.plot(
                points,
                np.clip(curve(points, top, shift) + draw_points.normal(0, 0.16, 170), 0, 5.7),
                ".",
                color=color,
                markersize=2.2,
                alpha=0.45,
            )
            axes.plot(speed, curve(speed, top, shift), color=color, label=label)
        axes.set_xlabel("wind speed at hub height, m/s")
        axes.set_ylabel("output, MW")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)

    return _chart(draw, 3.6, 2.7, picture)


def ice_winter(picture: bool = False) -> bytes:
    """Share of production lost to ice, by month of the winter."""

    def draw(axes: Any) -> None:
        months = ("Oct", "Nov", "Dec", "Jan", "Feb", "Mar", "Apr")
        axes.bar(np.arange(7) - 0.2, (1.1, 6.4, 11.8, 14.2, 12.6, 7.3, 1.9), 0.38, color=GREY, label="2022/23, no heating")
        axes.bar(np.arange(7) + 0.2, (0.6, 2.1, 4.3, 5.2, 4.0, 2.2, 0.7), 0.38, color=TEAL, label="2023/24, with heating")
        axes.set_xticks(range(7), months)
        axes.set_ylim(0, 18)
        axes.set_ylabel("loss, % of expected")
        axes.grid(axis="y", alpha=0.3)
        axes.legend(frameon=False, fontsize=7.5)

    return _chart(draw, 3.6, 2.5, picture)


def price(picture: bool = False) -> bytes:
    """Day-ahead prices of 2023 and 2024 by month, and the average price of the long-term contracts."""

    def draw(axes: Any) -> None:
        months = np.arange(12)
        axes.step(months, (118, 125, 103, 101, 82, 95, 78, 94, 101, 87, 92, 69), where="mid", color=GREY, label="market 2023")
        axes.step(months, (77, 61, 65, 62, 67, 73, 68, 82, 78, 86, 114, 108), where="mid", color=ORANGE, label="market 2024")
        axes.axhline(97.0, color=TEAL, label="long-term contracts")
        axes.set_xticks(months, "JFMAMJJASOND")
        axes.set_ylabel("EUR/MWh")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, ncols=3, fontsize=7.5)

    return _chart(draw, 6.6, 2.3, picture)
