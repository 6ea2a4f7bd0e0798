"""two-column-paper.pdf: a research paper with abstract, equations, figures, a table and references."""

from __future__ import annotations

from typing import Any

import pymupdf

from samples import charts
from samples.flow import WIDTH, Figure, Look, Parts, compose
from samples.lines import SERIF, font
from samples.markup import read
from samples.report import finished
from samples.table import Table

METHODS = Table(
    "Table 1: Events detected in both winters; the ultrasonic sensor on the six turbines that had it.",
    (0.32, 0.18, 0.25, 0.25),
    (("Method", "Found", "Median delay", "False alarms"),),
    (
        ("Residual", "71 %", "94 min", "19"),
        ("Vibration", "88 %", "41 min", "11"),
        ("Ultrasonic", "93 %", "17 min", "6"),
        ("Vote", "91 %", "29 min", "9"),
    ),
)


def make() -> bytes:
    look = Look(
        SERIF,
        heading_face=SERIF,
        size=10.4,
        leading=13.6,
        headings=(12.5, 11.0, 10.4),
        color=(0.0, 0.0, 0.0),
        margins=(54.0, 66.0, 54.0, 62.0),
        justify=True,
        running_head="Halvorsen and Brandt · Three ways of noticing blade ice early",
        unnumbered=1,
    )
    parts = Parts(
        tables={"methods": METHODS},
        figures={
            "curve": Figure(
                charts.power_curve(picture=True),
                "Figure 1: Ten-minute means of one turbine in January 2023 and the curves fitted to them.",
                3.6 / 2.7,
                vector=False,
            ),
            "winter": Figure(charts.ice_winter(), "Figure 2: Production lost to ice in two winters.", 3.6 / 2.5),
        },
        drawings={"title": _title},
    )
    return finished(compose(read("paper.md"), look, parts), "Three ways of noticing blade ice early", "I. Halvorsen, S. Brandt")


def _title(page: Any) -> None:
    lines = (
        ("Three ways of noticing blade ice early:", 108, 19, "tibo"),
        ("a comparison on 26 turbines over two winters", 132, 19, "tibo"),
        ("Ingrid Halvorsen¹ and Stefan Brandt²", 162, 11.5, "tiro"),
        ("¹ Institute for Cold Climate Technology, Luleå      ² Nordlicht Energie AG, Husum", 179, 9.5, "tiit"),
    )
    writer = pymupdf.TextWriter(page.rect)
    for text, y, size, name in lines:
        width = font(name).text_length(text, fontsize=size)
        writer.append(((WIDTH - width) / 2, y), text, font=font(name), fontsize=size)
    writer.write_text(page)
