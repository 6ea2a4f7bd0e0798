"""prices.csv: the price list of the training centre and the spare parts store."""

from __future__ import annotations

import csv
import io

ROWS = (
    ("T-101", "training", "Working at Height, basic", "person", 640.0, 8, "three days in Esbjerg"),
    ("T-102", "training", "Working at Height, refresher", "person", 290.0, 8, "one day"),
    ("T-110", "training", "Rescue from the hub", "person", 480.0, 6, "with the dummy of 85 kg"),
    ("T-125", "training", "Sea survival", "person", 910.0, 12, "pool and harbour; bring a towel"),
    ("T-140", "training", "Switching up to 36 kV", "person", 1150.0, 10, "examination on day four"),
    ("S-201", "spare part", "Pitch battery, set of six", "set", 1380.0, 2, "old set is taken back"),
    ("S-214", "spare part", "Yaw brake pad", "piece", 212.5, 20, ""),
    ("S-230", "spare part", "Oil filter for gearbox NE 4.2", "piece", 94.9, 10, 'thread 2", seal included'),
    ("S-231", "spare part", "Oil NL-320, drum of 200 litres", "drum", 1740.0, 1, "hazardous goods"),
    ("S-244", "spare part", "Leading-edge tape, 25 m", "roll", 365.0, 4, "store below 25 °C"),
    ("S-260", "spare part", "Capacitor kit for converter", "kit", 88400.0, 1, "delivery in 20 weeks"),
    ("S-271", "spare part", "Anemometer, heated", "piece", 1985.0, 1, "calibrated, with certificate"),
    ("R-301", "rental", "Torque wrench up to 6,000 Nm", "day", 145.0, 1, "deposit EUR 2,000"),
    ("R-305", "rental", "Endoscope, 6 mm, 3 m", "day", 120.0, 1, ""),
    ("R-312", "rental", "Blade access platform", "day", 2350.0, 3, "with two operators"),
)


def make() -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(("number", "group", "item", "unit", "price_eur", "minimum", "remark"))
    writer.writerows((*row[:4], f"{row[4]:.2f}", *row[5:]) for row in ROWS)
    return target.getvalue().encode()
