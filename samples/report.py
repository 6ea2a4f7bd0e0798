"""report.pdf: the annual report, with contents, running heads, tables, charts, footnotes and notes in two columns."""

from __future__ import annotations

from typing import Any

import pymupdf

from samples import charts, company
from samples.flow import HEIGHT, WIDTH, Color, Figure, Look, Parts, compose
from samples.lines import SANS, font
from samples.markup import read

DEEP: Color = (0.05, 0.27, 0.36)
WHITE: Color = (1.0, 1.0, 1.0)


def make() -> bytes:
    look = Look(
        SANS, size=10.5, leading=15.0, chapters_on_new_page=True, running_head="Nordlicht Energie AG · Annual Report 2024", unnumbered=2
    )
    parts = Parts(
        tables={
            "farms": company.farms_table(),
            "production": company.production_table(),
            "quarters": company.quarters_table(),
            "finance": company.finance_table(),
            "stops": company.stops_table(),
            "lessons": company.lessons_table(),
        },
        figures={
            "production": Figure(charts.production(), "Figure 1: Electricity fed in by wind farm, 2022 to 2024.", 6.6 / 2.9),
            "availability": Figure(charts.availability(), "Figure 2: Technical availability by wind farm.", 6.6 / 2.5),
            "price": Figure(charts.price(), "Figure 3: Market price by month and average price of the long-term contracts.", 6.6 / 2.3),
            "components": Figure(charts.components(), "Figure 4: Hours of long unplanned stops in 2024, by component.", 6.6 / 2.5),
        },
        drawings={"cover": _cover},
    )
    return finished(compose(read("report.md"), look, parts), "Annual Report 2024", company.NAME)


def finished(document: Any, title: str, author: str) -> bytes:
    """The bytes of a PDF, with a fixed date and without a random file identifier."""
    day = "D:20250314090000Z"
    document.set_metadata({"title": title, "author": author, "creationDate": day, "modDate": day, "producer": "docpipe samples"})
    return bytes(document.tobytes(garbage=4, deflate=True, no_new_id=True))


def _cover(page: Any) -> None:
    page.draw_rect((0, 0, WIDTH, HEIGHT), color=None, fill=DEEP)
    page.draw_rect((0, 560, WIDTH, HEIGHT), color=None, fill=(0.035, 0.2, 0.27))
    for x, size in ((150, 0.75), (300, 1.15), (455, 0.9)):
        _turbine(page, x, 560, size)
    lines = (("Nordlicht Energie AG", 120, 16, "helv"), ("Annual Report", 175, 44, "hebo"), ("2024", 226, 44, "hebo"))
    writer = pymupdf.TextWriter(page.rect)
    for text, y, size, name in (*lines, ("Wind power from four countries", 262, 13, "heit"), ("Husum · March 2025", 790, 11, "helv")):
        writer.append((62, y), text, font=font(name), fontsize=size)
    writer.write_text(page, color=WHITE)


def _turbine(page: Any, x: float, ground: float, size: float) -> None:
    hub = pymupdf.Point(x, ground - 170 * size)
    page.draw_polyline(
        [(x - 4 * size, ground), (x - 1.5 * size, hub.y), (x + 1.5 * size, hub.y), (x + 4 * size, ground)], fill=WHITE, color=None
    )
    for angle in (80, 200, 320):
        turn = pymupdf.Matrix(1, 1).prerotate(angle)
        points = [hub + pymupdf.Point(across * size, along * size) * turn for across, along in ((0, 0), (5, 18), (0, 95), (-2, 18))]
        page.draw_polyline(points, fill=WHITE, color=None, closePath=True)
    page.draw_circle(hub, 4 * size, fill=WHITE, color=None)
