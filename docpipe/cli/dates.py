"""Dates on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import typer


def moment(text: str) -> datetime:
    """Read `2024-05-31`, the first moment of that day, or `2024-05-31T14:00+02:00`; without a time zone in UTC, as the bucket has it."""
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no date: give it like 2024-05-31 or 2024-05-31T14:00+02:00") from None
