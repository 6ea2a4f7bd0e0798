"""How a benchmark speaks: a table to read and a JSON file to keep."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "benchmarks" / "results"


def publish(name: str, rows: Sequence[Mapping[str, Any]], **facts: Any) -> Path:
    """Print the rows and write them with the machine's facts to `results/<name>.json`."""
    show(name, rows)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    body = {"name": name, "date": time.strftime("%Y-%m-%d"), "machine": machine(), **facts, "rows": list(rows)}
    path.write_text(json.dumps(body, indent=1) + "\n")
    return path


def show(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the rows; a list in one, such as a curve, is in the file alone."""
    table = Table(title=name, title_justify="left")
    columns = list(dict.fromkeys(column for row in rows for column, value in row.items() if not isinstance(value, list)))
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(_shown(row.get(column)) for column in columns))
    Console(width=200).print(table)


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "processor": _processor(), "system": platform.system(), "python": platform.python_version()}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), "unknown")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value if value is not None else "")
