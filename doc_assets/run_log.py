"""What the product says while it works, shown in the log of the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from docpipe.logs.secrets import Secrets
from docpipe.settings import load_settings

PRODUCT = logging.getLogger("docpipe")


class _IntoRun(logging.Handler):
    def __init__(self, log: logging.Logger, secrets: Secrets) -> None:
        super().__init__(logging.INFO)
        self._log = log
        self._secrets = secrets

    def emit(self, record: logging.LogRecord) -> None:
        self._log.log(record.levelno, self._secrets.hidden_in(record.getMessage()))


@contextmanager
def product_log(log: logging.Logger) -> Iterator[None]:
    """Messages of the `docpipe` loggers from INFO on go to Dagster's `log` too: how far a long document is, for example."""
    handler, level = _IntoRun(log, Secrets.of(load_settings())), PRODUCT.level
    PRODUCT.addHandler(handler)
    PRODUCT.setLevel(min(level, logging.INFO) if level else logging.INFO)
    try:
        yield
    finally:
        PRODUCT.removeHandler(handler)
        PRODUCT.setLevel(level)
