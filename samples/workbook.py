"""figures.xlsx: sheets with formulas, their values, and dates."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from samples.archive import settled
from samples.company import FARMS, stops

HEAD = PatternFill("solid", fgColor="0D4A5C")
ORDERS = (
    ("P-24-1188", date(2024, 9, 21), "Cantabria Rodamientos", "Main bearing NB 2400-36", 1, 214_000.0),
    ("P-24-1190", date(2024, 9, 23), "Brage Offshore", "Jack-up vessel, per day", 11, 145_000.0),
    ("P-24-1203", date(2024, 10, 2), "Smørefabrikken Vejle", "Grease NL-2W, cartridge of 5 kg", 240, 61.5),
    ("P-24-1219", date(2024, 10, 28), "Kondensator Jena", "Capacitor kit for converter", 30, 88_400.0),
    ("P-24-1241", date(2024, 11, 19), "Seilwerk Emden", "Lanyard with energy absorber", 96, 129.0),
    ("P-24-1255", date(2024, 12, 5), "Cantabria Rodamientos", "Main bearing NB 2400-36", 2, 208_500.0),
)


def make() -> bytes:
    book = Workbook()
    values: list[dict[str, float]] = [_production(book.active), _orders(book.create_sheet("Orders")), _stops(book.create_sheet("Stops"))]
    book.properties.title, book.properties.creator = "Figures 2024", "Controlling"
    target = io.BytesIO()
    book.save(target)
    changes: dict[str, Callable[[bytes], bytes]] = {
        f"xl/worksheets/sheet{number}.xml": partial(_filled, values=each) for number, each in enumerate(values, 1)
    }
    return settled(target.getvalue(), changes)


def _filled(sheet: bytes, values: dict[str, float]) -> bytes:
    """Give each formula the value a spreadsheet program would have stored beside it."""
    for cell, value in values.items():
        pattern = rf'(<c r="{cell}"[^>]*>\s*<f>[^<]*</f>\s*)<v\s*(?:/>|></v>)'
        sheet, count = re.subn(pattern.encode(), rf"\g<1><v>{value:.10g}</v>".encode(), sheet)
        if count != 1:
            raise ValueError(f"cell {cell} holds no formula without a value")
    return sheet


def _production(sheet: Any) -> dict[str, float]:
    sheet.title = "Production"
    _head(
        sheet,
        ("Wind farm", "Capacity, MW", "Q1, GWh", "Q2, GWh", "Q3, GWh", "Q4, GWh", "Year, GWh", "Full-load hours"),
        (20, 14, 11, 11, 11, 11, 12, 16),
    )
    values: dict[str, float] = {}
    for row, farm in enumerate(FARMS, 2):
        sheet.append((farm.name, farm.capacity, *farm.quarters, f"=SUM(C{row}:F{row})", f"=ROUND(G{row}*1000/B{row},0)"))
        values[f"G{row}"] = sum(farm.quarters)
        values[f"H{row}"] = round(sum(farm.quarters) * 1000 / farm.capacity)
    last = len(FARMS) + 1
    sums = [sum(farm.capacity for farm in FARMS), *(sum(farm.quarters[quarter] for farm in FARMS) for quarter in range(4))]
    sheet.append(("Sum", *(f"=SUM({column}2:{column}{last})" for column in "BCDEFG")))
    values |= {f"{column}{last + 1}": value for column, value in zip("BCDEFG", (*sums, sum(sums[1:])), strict=True)}
    for cell in sheet[last + 1]:
        cell.font = Font(bold=True)
    return values


def _orders(sheet: Any) -> dict[str, float]:
    _head(sheet, ("Order", "Date", "Supplier", "Item", "Quantity", "Price, EUR", "Amount, EUR"), (13, 13, 24, 34, 10, 14, 16))
    values: dict[str, float] = {}
    for row, order in enumerate(ORDERS, 2):
        sheet.append((*order, f"=E{row}*F{row}"))
        sheet.cell(row, 2).number_format = "yyyy-mm-dd"
        sheet.cell(row, 6).number_format = sheet.cell(row, 7).number_format = "#,##0.00"
        values[f"G{row}"] = order[4] * order[5]
    row = len(ORDERS) + 2
    sheet.append(("Sum", "", "", "", "", "", f"=SUM(G2:G{row - 1})"))
    sheet.cell(row, 7).number_format = "#,##0.00"
    return values | {f"G{row}": sum(values.values())}


def _stops(sheet: Any) -> dict[str, float]:
    _head(sheet, ("Begin", "Turbine", "Wind farm", "Component", "Hours", "Loss, MWh"), (13, 11, 20, 20, 9, 12))
    for stop in stops():
        sheet.append((stop.day, stop.turbine, stop.farm, stop.component, stop.hours, stop.lost))
        sheet.cell(sheet.max_row, 1).number_format = "yyyy-mm-dd"
    return {}


def _head(sheet: Any, titles: tuple[str, ...], widths: tuple[int, ...]) -> None:
    sheet.append(titles)
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        cell = sheet.cell(1, number)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), HEAD
    sheet.freeze_panes = "A2"
