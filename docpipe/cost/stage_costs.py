"""What a stage's work costs, document by document, and what our own machines had of it."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

from docpipe.cost.price_table import price_table
from docpipe.cost.tariff import embed_tariff, vision_tariff
from docpipe.embed.model import API, find_model
from docpipe.errors import TransientError
from docpipe.ledger import Ledger
from docpipe.ledger.spending import Cost
from docpipe.models import StageName
from docpipe.settings import Settings
from docpipe.stage import Effort

LOCAL = "local"
"""The provider that is our own machines."""
_TOGETHER = 50
"""Documents whose local cost is entered at once: nobody is sent a bill for it."""

log = logging.getLogger(__name__)


class StageCosts:
    """Reads the price table once a run of the stage; what providers are paid is entered by their tills."""

    def __init__(self, settings: Settings, ledger: Ledger, stage: StageName) -> None:
        """Raises `PriceMissing` where a model that is paid has no price, `ConfigurationError` for a table or model that cannot be used."""
        self._table = price_table(settings)
        embed_tariff(settings)
        vision_tariff(settings)
        self._ledger = ledger
        self._stage = stage
        self._model = _own_model(settings, stage) if self._table.prices_machines else ""
        self._local = 0.0
        self._documents = 0

    def of(self, effort: Effort) -> Cost:
        """The cost of a document's effort."""
        local = self._table.local(effort.cpu_seconds, effort.gpu_seconds)
        has_price = bool(effort.usage.provider) or self._table.prices_machines
        return Cost(effort.cpu_seconds, effort.gpu_seconds, effort.usage.usd + local if has_price else None)

    def add(self, effort: Effort) -> None:
        """Take note of what our own machines had of it."""
        if self._table.prices_machines:
            self._local += self._table.local(effort.cpu_seconds, effort.gpu_seconds)
            self._documents += 1
            if self._documents % _TOGETHER == 0:
                self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._flush()

    def _flush(self) -> None:
        if not self._local:
            return
        try:
            self._ledger.spend(LOCAL, self._ledger.today(), self._stage, model=self._model, usd=self._local)
        except TransientError as error:
            log.warning("what %s cost on our own machines is not in the ledger yet: %s", self._stage, error)
        else:
            self._local = 0.0


def _own_model(settings: Settings, stage: StageName) -> str:
    """The one model that our own machines run in a stage; other stages have none, or several."""
    return find_model(settings).name if stage is StageName.EMBEDDINGS and not settings.embedder.startswith(API) else ""
