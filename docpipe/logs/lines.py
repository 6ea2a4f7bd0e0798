"""How a record of the log becomes a line: JSON for programs, text for people, and no secret in either."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from docpipe.logs.log_context import FIELDS, current
from docpipe.logs.secrets import Secrets


class _Lines(logging.Formatter):
    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets


class JsonLines(_Lines):
    """One object a line, with `time`, `level`, `logger`, `message`, and `document`, `stage`, `run`, `batch` where they are known."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _moment(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._secrets.hidden_in(record.getMessage()),
            **{name: self._secrets.hidden_in(value) for name, value in about(record).items()},
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = self._secrets.hidden_in("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False)


class TextLines(_Lines):
    """The same for people: `21:15:38 WARNING the message (document=a.pdf run=1f2e)`."""

    def format(self, record: logging.LogRecord) -> str:
        known = " ".join(f"{name}={value}" for name, value in about(record).items())
        text = f"{_moment(record):%H:%M:%S} {record.levelname} {record.getMessage()}" + (f" ({known})" if known else "")
        if record.exc_info and record.exc_info[0]:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return self._secrets.hidden_in(text)


def about(record: logging.LogRecord) -> Mapping[str, str]:
    """What the line is about: what it says itself (`extra`), and what the blocks around it say."""
    said = {name: str(value) for name in FIELDS if (value := getattr(record, name, None))}
    return {**current(), **said}


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
