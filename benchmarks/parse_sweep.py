"""What each threshold of the router does to quality and cost, the others as they are by default.

A page that the same reader reads for two values of a threshold is read once: what it costs is remembered with it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from benchmarks.inline_stage import PDF, InlinePool, parse, perform
from benchmarks.parse_blocks import Case, of_document
from benchmarks.parse_scores import score
from docpipe.isolate import Result, Task
from docpipe.models import ParsedDocument
from docpipe.parse.page import pages, route
from docpipe.parse.page.route import Route, Thresholds
from docpipe.settings import Settings, load_settings

VALUES: dict[str, tuple[Any, ...]] = {
    "bad_characters": (0.02, 0.05, 0.1, 0.2, 0.5),
    "few_characters": (20, 50, 100, 300),
    "image_share": (0.05, 0.2, 0.5, 0.9),
    "faint_image_share": (0.0, 0.02, 0.1),
    "shapes": (50, 200, 1_000),
    "layout_characters": (1_000, 3_000, 100_000),
    "prose": (True, False),
    "prose_long_lines": (0.0, 0.3, 0.6, 0.8, 0.95),
    "prose_shapes": (0, 4, 20, 1_000),
    "picture_share": (0.01, 0.06, 0.3),
}


@dataclass(slots=True)
class _Remembered:
    """Reads pages as workers do, each once for each route that it is given."""

    thresholds: Thresholds
    routes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """CPU time of all tasks, also of those that were remembered."""
    lines: dict[tuple[str, int, Route], tuple[bytes, float]] = field(default_factory=dict)

    def perform(self, task: Task) -> Result:
        started = time.process_time()
        if task.function != "docpipe.parse.page.pages:read":
            result = perform(task)
            self.seconds += time.process_time() - started
            return result
        path, reading, numbers, _ = task.arguments
        assert isinstance(path, str)
        with pages.open_document(Path(path), PDF) as document:
            total = document.page_count
            wanted = [number for number in cast("tuple[int, ...]", numbers) if number <= total]
            chosen = [self._route(document, number) for number in wanted]
            self.seconds += time.process_time() - started
        lines = [self._line(path, reading, number, one) for number, one in zip(wanted, chosen, strict=True)]
        return Result(task, ({"total": total, "numbers": wanted, "ocr": [], "warnings": []}, b"\n".join(lines)), None, 0.0)

    def _route(self, document: Any, number: int) -> Route:
        page = document.load_page(number - 1)
        page.remove_rotation()
        chosen = route.choose(page, self.thresholds)
        self.routes[chosen.name] += 1
        return chosen

    def _line(self, path: str, reading: Any, number: int, chosen: Route) -> bytes:
        key = (path, number, replace(chosen, reason=""))
        if key not in self.lines:
            started = time.process_time()
            with patch.object(route, "choose", lambda *_, **__: chosen):
                _, line = pages.read(path, reading, (number,), pages.Mode.OCR)
            self.lines[key] = (line, time.process_time() - started)
        line, seconds = self.lines[key]
        self.seconds += seconds
        return line


def sweep(cases: Sequence[Case], home: Path) -> list[dict[str, Any]]:
    """One row for each value of each threshold; the first is the default of all."""
    settings = load_settings(home=home)
    _row(_Remembered(Thresholds()), cases[:1], settings)  # loads the models
    lines = _Remembered(Thresholds()).lines
    rows = [{"threshold": "all defaults"} | _row(_Remembered(Thresholds(), lines=lines), cases, settings)]
    for name, values in VALUES.items():
        for value in values:
            default = value == getattr(Thresholds(), name)
            remembered = _Remembered(replace(Thresholds(), **{name: value}), lines=lines)
            rows.append({"threshold": name, "value": f"{value}{' (default)' if default else ''}"} | _row(remembered, cases, settings))
    return rows


def _row(remembered: _Remembered, cases: Sequence[Case], settings: Settings) -> dict[str, Any]:
    pool = InlinePool(remembered.perform)
    found = [of_document(ParsedDocument.from_bytes(parse(case.path, settings, pool)).document) for case in cases]
    total = reduce(add, (score(case.truth, blocks, case.knows) for case, blocks in zip(cases, found, strict=True)))
    return {
        "quality": round(total.quality, 4),
        "text_similarity": round(total.text.share or 0.0, 4),
        "tables_teds": round(total.tables.share or 0.0, 4),
        "pages_per_cpu_s": round(sum(remembered.routes.values()) / remembered.seconds, 2),
        **{name: remembered.routes[name] for name in ("text", "layout", "ocr", "blank")},
    }
