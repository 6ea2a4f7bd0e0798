"""The server's pages: `/metrics`, `/health/live`, `/health/ready` and `/health/detail`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from docpipe.errors import DocpipeError
from docpipe.logs.secrets import Secrets
from docpipe.metrics.gpu import gpu_samples
from docpipe.metrics.sample import Sample
from docpipe.metrics.snapshot import index_samples, ledger_samples
from docpipe.monitor.check import CHECK_SECONDS, Checks
from docpipe.monitor.detail import Detail
from docpipe.monitor.exposition import exposition
from docpipe.monitor.single_flight import SingleFlight
from docpipe.pipeline import Pipeline

LEDGER_SECONDS = 8.0
"""Less than the 10 s that Prometheus waits for an answer."""
_TEXT = "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger(__name__)


class Monitor:
    """Answers from the ledger, the index and the cards of this machine."""

    def __init__(self, pipeline: Pipeline, ledger_seconds: float = LEDGER_SECONDS, check_seconds: float = CHECK_SECONDS) -> None:
        self._ledger_seconds = ledger_seconds
        self._check_seconds = check_seconds
        self._checks = Checks(pipeline, check_seconds)
        self._detail = Detail(pipeline.settings)
        self._secrets = Secrets.of(pipeline.settings)
        self._ledger = SingleFlight("metrics of the ledger", partial(ledger_samples, pipeline))
        self._index = SingleFlight("metrics of the index", partial(index_samples, pipeline))
        self._cards = SingleFlight("metrics of the cards", gpu_samples)

    @property
    def app(self) -> Starlette:
        pages = {"/metrics": self.metrics, "/health/live": self.live, "/health/ready": self.ready, "/health/detail": self.detail}
        return Starlette(routes=[Route(path, page, methods=["GET"]) for path, page in pages.items()])

    async def metrics(self, _request: Request) -> Response:
        """503 where the ledger does not answer: a scrape that fails is seen, one that lacks numbers is not."""
        try:
            found = await self._ledger.ask(self._ledger_seconds)
        except (DocpipeError, TimeoutError) as error:
            said = self._secrets.hidden_in(f"{type(error).__name__}: {error}" if isinstance(error, DocpipeError) else "no answer in time")
            log.warning("the metrics cannot be read: %s", said)
            return PlainTextResponse(f"the ledger does not answer: {said}\n", status_code=503)
        return Response(exposition([*found, *await self._beside()]), media_type=_TEXT)

    async def live(self, _request: Request) -> Response:
        """The process answers; asks nothing of anybody."""
        return JSONResponse({"live": True})

    async def ready(self, _request: Request) -> Response:
        checks = await self._checks.run()
        missing = {check.name: check.problem for check in checks if not check.answers}
        return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    async def detail(self, _request: Request) -> Response:
        """Always 200 with all that is known: people ask it when something is wrong."""
        checks, found, beside = await asyncio.gather(self._checks.run(), self._known(), self._beside())
        return JSONResponse(self._detail.of(checks, [*found, *beside]))

    async def _known(self) -> Sequence[Sample]:
        try:
            return await self._ledger.ask(self._check_seconds)
        except (DocpipeError, TimeoutError):
            # The check of the ledger says so.
            return []

    async def _beside(self) -> Sequence[Sample]:
        """What may be missing: numbers of the index and of the cards."""
        found: list[Sample] = []
        for answer in await asyncio.gather(
            self._index.ask(self._check_seconds), self._cards.ask(self._check_seconds), return_exceptions=True
        ):
            if isinstance(answer, list):
                found.extend(answer)
            else:
                # Whatever it is: the numbers of the ledger are not to be lost for it.
                log.warning("some metrics are left out: %s", type(answer).__name__)
        return found
