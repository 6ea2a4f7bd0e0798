"""The facts of a wind-farm operator that does not exist; every sample takes its numbers from here."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from samples.table import Cell, Table

NAME = "Nordlicht Energie AG"
YEARS = (2022, 2023, 2024)


@dataclass(frozen=True, slots=True)
class Farm:
    name: str
    country: str
    since: int
    turbines: int
    rating: float
    """Megawatts a turbine."""
    production: tuple[int, int, int]
    """Gigawatt-hours in each of `YEARS`."""
    quarters: tuple[int, int, int, int]
    """Gigawatt-hours in the quarters of 2024."""
    availability: tuple[float, float, float]
    """Per cent of the time in each of `YEARS`."""

    @property
    def capacity(self) -> float:
        return self.turbines * self.rating


FARMS = (
    Farm("Hallig Nord", "Germany", 2019, 40, 8.0, (1214, 1268, 1231), (402, 251, 219, 359), (95.8, 96.4, 95.1)),
    Farm("Mittelgrund", "Germany", 2014, 30, 6.3, (688, 702, 671), (214, 140, 122, 195), (94.9, 95.0, 93.7)),
    Farm("Kaiserkoog", "Germany", 2017, 22, 4.2, (258, 271, 264), (87, 51, 46, 80), (97.2, 97.5, 97.6)),
    Farm("Skarvholm", "Sweden", 2020, 26, 5.6, (401, 388, 437), (138, 94, 79, 126), (93.1, 91.8, 96.2)),
    Farm("Plaine-aux-Vents", "France", 2016, 18, 3.6, (161, 168, 159), (53, 32, 28, 46), (97.0, 96.8, 96.9)),
    Farm("Lyngø Bakke", "Denmark", 2021, 12, 4.2, (158, 166, 164), (53, 33, 29, 49), (98.0, 98.1, 98.3)),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """An unplanned stop of a turbine."""

    day: date
    turbine: str
    farm: str
    component: str
    hours: int
    lost: float
    """Megawatt-hours."""


_KNOWN_STOP = Stop(date(2024, 9, 17), "HN-27", "Hallig Nord", "Main bearing", 611, 2317.0)
_COMPONENTS = ("Gearbox", "Pitch system", "Converter", "Transformer", "Blade, lightning", "Yaw drive", "Generator", "Control cabinet")
_CODES = {"Hallig Nord": "HN", "Mittelgrund": "MG", "Kaiserkoog": "KK", "Skarvholm": "SK", "Plaine-aux-Vents": "PV", "Lyngø Bakke": "LB"}


def stops(count: int = 46, seed: int = 2024) -> tuple[Stop, ...]:
    """Unplanned stops of more than 72 hours in 2024, by day; the same ones at every call."""
    draw = random.Random(seed)
    made = [_KNOWN_STOP]
    while len(made) < count:
        farm = draw.choices(FARMS, weights=[one.turbines * (100 - one.availability[2]) for one in FARMS])[0]
        hours = int(draw.uniform(73, 330))
        turbine = f"{_CODES[farm.name]}-{draw.randint(1, farm.turbines):02d}"
        day = date(2024, 1, 3) + timedelta(days=draw.randrange(360))
        made.append(Stop(day, turbine, farm.name, draw.choice(_COMPONENTS), hours, round(hours * farm.rating * draw.uniform(0.2, 0.45), 1)))
    return tuple(sorted(made, key=lambda stop: (stop.day, stop.turbine)))


def thousands(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def farms_table() -> Table:
    rows = [(one.name, one.country, str(one.since), str(one.turbines), f"{one.rating:.1f}", thousands(one.capacity, 1)) for one in FARMS]
    rows.append(("Total", "", "", str(sum(one.turbines for one in FARMS)), "", thousands(sum(one.capacity for one in FARMS), 1)))
    return Table(
        "Table 1: Wind farms in operation on 31 December 2024. Ratings and capacity in megawatts.",
        (0.26, 0.16, 0.14, 0.14, 0.14, 0.16),
        (("Wind farm", "Country", "In operation since", "Turbines", "Rating", "Capacity"),),
        tuple(rows),
        text_columns=(0, 1),
        total=True,
    )


def quarters_table() -> Table:
    head = (
        (Cell("Wind farm", rows=2), Cell("First half", columns=2), Cell("Second half", columns=2), Cell("Year", rows=2)),
        ("Q1", "Q2", "Q3", "Q4"),
    )
    rows: list[tuple[Cell | str, ...]] = [(Cell("Offshore", columns=6),)]
    for farm in FARMS:
        if farm.name == "Kaiserkoog":
            rows.append((Cell("Onshore", columns=6),))
        rows.append((farm.name, *map(str, farm.quarters), thousands(sum(farm.quarters))))
    sums = [sum(farm.quarters[quarter] for farm in FARMS) for quarter in range(4)]
    rows.append(("All wind farms", *map(thousands, sums), thousands(sum(sums))))
    return Table(
        "Table 3: Electricity fed in by quarter of 2024, in gigawatt-hours.",
        (0.3, 0.14, 0.14, 0.14, 0.14, 0.14),
        head,
        tuple(rows),
        total=True,
    )


def production_table() -> Table:
    rows = [(one.name, *map(thousands, one.production), f"{one.availability[2]:.1f} %") for one in FARMS]
    sums = [sum(one.production[year] for one in FARMS) for year in range(3)]
    hours = [sum(one.availability[2] * one.turbines for one in FARMS) / sum(one.turbines for one in FARMS)]
    rows.append(("All wind farms", *map(thousands, sums), f"{hours[0]:.1f} %"))
    return Table(
        "Table 2: Electricity fed in by year, in gigawatt-hours, and technical availability in 2024, weighted by turbines.",
        (0.32, 0.16, 0.16, 0.16, 0.2),
        (("Wind farm", "2022", "2023", "2024", "Availability 2024"),),
        tuple(rows),
        total=True,
    )


def stops_table() -> Table:
    rows = tuple(
        (stop.day.strftime("%d %b %Y"), stop.turbine, stop.farm, stop.component, str(stop.hours), thousands(stop.lost, 1))
        for stop in stops()
    )
    return Table(
        "Table 5: Unplanned stops of more than 72 hours in 2024. Losses in megawatt-hours.",
        (0.16, 0.12, 0.24, 0.22, 0.11, 0.15),
        (("Begin", "Turbine", "Wind farm", "Component", "Hours", "Loss"),),
        rows,
        long=True,
        text_columns=(0, 1, 2, 3),
    )


def finance_table() -> Table:
    return Table(
        "Table 4: Five lines of the income statement, in millions of euros.",
        (0.4, 0.2, 0.2, 0.2),
        (("", "2022", "2023", "2024"),),
        (
            ("Revenue", "263.1", "281.9", "268.4"),
            ("of which long-term contracts", "171.0", "188.9", "195.9"),
            ("EBITDA", "168.0", "183.6", "171.2"),
            ("Depreciation", "74.4", "76.1", "77.8"),
            ("Net income", "58.9", "71.4", "62.7"),
        ),
    )


def lessons_table() -> Table:
    """A table of words rather than numbers, with cells that span rows."""
    return Table(
        "Table 6: Measures decided after the stop of HN-27.",
        (0.2, 0.44, 0.18, 0.18),
        (("Area", "Measure", "Owner", "Due"),),
        (
            (Cell("Lubrication", rows=2), "Grease sampling on all forty main bearings every six months", "Operations", "March 2025"),
            ("Grease type changed from NL-2 to NL-2W below 0 °C", "Engineering", "June 2025"),
            (Cell("Monitoring", rows=2), "Alarm at 1.8 mm/s instead of 2.6 mm/s in the band of the inner ring", "Control room", "done"),
            ("Weekly review of the bearing trend by a second engineer", "Engineering", "done"),
            ("Spare parts", "Two complete main bearings kept in Esbjerg", "Purchasing", "May 2025"),
        ),
        text_columns=(0, 1, 2, 3),
    )
