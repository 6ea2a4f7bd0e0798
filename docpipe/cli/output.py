"""How commands speak: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings

NARROWEST_FILE = 120
"""Characters a line, where the output goes to a file or a pipe, which have no width of their own."""

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else NARROWEST_FILE)
errors = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def open_pipeline() -> Pipeline:
    return Pipeline(load_settings())


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def complain(error: Exception) -> None:
    errors.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False, soft_wrap=True)


WRAPPED = ("document", "attachment", "name", "holds", "detail", "error", "why", "model", "state", "that hold now")
"""Columns that give way when the terminal is narrow."""


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table whose numbers stand right and whose long texts wrap."""
    made = Table(header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=column not in WRAPPED)
    return made


def counted(counts: Mapping[str, int]) -> str:
    """What an artifact holds, in words: `4 pages, 1,200 characters`."""
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        # Not asdict, which on Python 3.11 turns a Counter inside into one of pairs; what is inside comes here by itself.
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")
