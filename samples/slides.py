"""quarterly.pptx: a quarterly review with bullets, tables, a chart and speaker notes."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches, Pt

from samples import charts
from samples.archive import settled
from samples.company import FARMS

TEAL = RGBColor(0x0D, 0x4A, 0x5C)


@dataclass(frozen=True, slots=True)
class Slide:
    title: str
    bullets: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    picture: bytes = b""
    chart: bool = False
    notes: str = ""


def _slides() -> tuple[Slide, ...]:
    return (
        Slide(
            "Where we stand",
            (
                "601 GWh fed in, 4 per cent below plan: weak wind in May",
                "Revenue EUR 56.1 million, 76 per cent of it from contracts",
                "No lost-time accident since August 2022",
                "Mittelgrund: export cable out for nine days, joint replaced",
                "Second cable: permit expected in October",
            ),
            notes="Start with the accident figure; the supervisory board asked for it last time. The cable joint was the grid operator's, "
            "so the loss of EUR 1.3 million is claimed from its insurer.",
        ),
        Slide(
            "Electricity by wind farm",
            table=(
                ("Wind farm", "Plan, GWh", "Actual, GWh", "Difference"),
                *(
                    (farm.name, str(plan), str(farm.quarters[1]), f"{farm.quarters[1] - plan:+d}")
                    for farm, plan in zip(FARMS, _PLAN, strict=True)
                ),
                (
                    "Sum",
                    str(sum(_PLAN)),
                    str(sum(farm.quarters[1] for farm in FARMS)),
                    f"{sum(farm.quarters[1] for farm in FARMS) - sum(_PLAN):+d}",
                ),
            ),
            notes="Skarvholm is above plan because the heated blades were not yet in the plan of last autumn.",
        ),
        Slide("Quarter by quarter", chart=True, notes="The chart is live: double-click to see the numbers."),
        Slide(
            "Production over three years",
            picture=charts.production(picture=True),
            notes="Same picture as in the annual report, so that nobody has to learn a new one.",
        ),
        Slide(
            "Projects",
            table=(
                ("Project", "Budget, EUR m", "Spent", "Ready", "Status"),
                ("Second export cable, Mittelgrund", "84.0", "9.5", "Q3 2027", "on time"),
                ("Blade heating, Skarvholm", "31.2", "30.8", "Q4 2023", "done"),
                ("Land cable, Lyngø Bakke", "11.0", "6.1", "Q4 2024", "two months late"),
                ("Control room, Husum", "4.6", "4.4", "Q2 2024", "done"),
            ),
            notes="The land cable is late because a Bronze Age burial mound was found under the route. The detour is 340 metres long.",
        ),
        Slide(
            "What worries us",
            (
                "Converters at Mittelgrund: capacitors dry out, eight failures since January",
                "Jack-up vessels: none free at short notice before November",
                "Large bearings: the only spare was used in 2022",
                "Day-ahead price below zero in 212 hours of the quarter",
            ),
            notes="Point three is the one we do not have an answer for yet. Anders wants a decision on a spare bearing by September.",
        ),
        Slide(
            "Decisions we ask for",
            (
                "Order capacitor kits for 30 converters, EUR 2.7 million",
                "Extend the charter of the service vessel Ritva to March 2027",
                "Open the new training place in Esbjerg for other operators, at EUR 1,900 a person",
            ),
        ),
    )


_PLAN = (268, 158, 52, 86, 32, 30)
"""Gigawatt-hours planned for the second quarter, by farm."""


def make() -> bytes:
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    cover = deck.slides.add_slide(deck.slide_layouts[6])
    cover.background.fill.solid()
    cover.background.fill.fore_color.rgb = TEAL
    for text, top, size in (
        ("Second quarter of 2024", 2.5, 44),
        ("Review for the supervisory board · 18 July 2024", 3.6, 20),
        ("Nordlicht Energie AG", 6.4, 16),
    ):
        _text(cover, text, 0.9, top, size, RGBColor(255, 255, 255))
    for one in _slides():
        _slide(deck, one)
    properties = deck.core_properties
    properties.title, properties.author, properties.last_modified_by = "Second quarter of 2024", "Anders Lindqvist", "Anders Lindqvist"
    target = io.BytesIO()
    deck.save(target)
    return settled(target.getvalue(), dict.fromkeys(_embedded(target.getvalue()), settled))


def _embedded(data: bytes) -> list[str]:
    """The workbook behind a chart is an archive with dates of its own."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [name for name in archive.namelist() if name.endswith(".xlsx")]


def _slide(deck: Any, one: Slide) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[1 if one.bullets else 5])
    title = slide.shapes.title
    title.left, title.top, title.width, title.height = Inches(0.7), Inches(0.4), Inches(12), Inches(1.0)
    title.text = one.title
    title.text_frame.paragraphs[0].runs[0].font.size = Pt(34)
    title.text_frame.paragraphs[0].runs[0].font.color.rgb = TEAL
    if one.bullets:
        body = slide.placeholders[1]
        body.left, body.top, body.width, body.height = Inches(0.7), Inches(1.7), Inches(12), Inches(5)
        body.text_frame.text = one.bullets[0]
        for bullet in one.bullets[1:]:
            body.text_frame.add_paragraph().text = bullet
    if one.table:
        grid = slide.shapes.add_table(
            len(one.table), len(one.table[0]), Inches(0.7), Inches(1.7), Inches(11.9), Inches(0.5 * len(one.table))
        ).table
        for row, cells in enumerate(one.table):
            for column, text in enumerate(cells):
                grid.cell(row, column).text = text
    if one.picture:
        slide.shapes.add_picture(io.BytesIO(one.picture), Inches(0.9), Inches(1.6), width=Inches(11.3))
    if one.chart:
        data = CategoryChartData()
        data.categories = ["Q1 2024", "Q2 2024"]
        for farm in FARMS:
            data.add_series(farm.name, farm.quarters[:2])
        slide.shapes.add_chart(
            XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(0.7), Inches(1.6), Inches(11.9), Inches(5.4), data
        ).chart.has_legend = True
    if one.notes:
        slide.notes_slide.notes_text_frame.text = one.notes


def _text(slide: Any, text: str, left: float, top: float, size: int, color: RGBColor) -> None:
    frame = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(11), Inches(1)).text_frame
    frame.text = text
    frame.paragraphs[0].runs[0].font.size = Pt(size)
    frame.paragraphs[0].runs[0].font.color.rgb = color
