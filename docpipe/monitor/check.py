"""Whether what the pipeline stands on answers: ledger, bucket, artifacts and index, each within a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from docpipe.bucket import Bucket, open_bucket
from docpipe.errors import DocpipeError
from docpipe.index import open_catalog
from docpipe.logs.secrets import Secrets
from docpipe.monitor.single_flight import SingleFlight
from docpipe.pipeline import Pipeline

CHECK_SECONDS = 3.0
"""Less than the 5 s after which probes of Kubernetes are commonly told to give up."""
_NOBODY = "docpipe-is-this-bucket-there/"
"""A prefix that no object has, so that listing it costs one request."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How one of them answered."""

    name: str
    answers: bool
    seconds: float
    problem: str = ""


class Checks:
    """All of them, asked side by side."""

    def __init__(self, pipeline: Pipeline, seconds: float = CHECK_SECONDS) -> None:
        self._pipeline = pipeline
        self._seconds = seconds
        self._secrets = Secrets.of(pipeline.settings)
        works: dict[str, Callable[[], object]] = {
            "ledger": lambda: pipeline.ledger.living_runs(),
            "bucket": lambda: _first(pipeline.bucket),
            "artifacts": lambda: _first(self._artifacts),
            "index": self._look_at_index,
        }
        self._flights = {name: SingleFlight(f"check {name}", work) for name, work in works.items()}

    async def run(self) -> list[Checked]:
        """Never raises, and never takes much longer than the limit, whatever hangs."""
        return list(await asyncio.gather(*(self._one(name, flight) for name, flight in self._flights.items())))

    async def _one(self, name: str, flight: SingleFlight[object]) -> Checked:
        began = time.monotonic()
        problem = ""
        try:
            await flight.ask(self._seconds)
        except TimeoutError:
            problem = f"no answer within {self._seconds:g} s"
        except DocpipeError as error:
            problem = self._secrets.hidden_in(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a check that fails for a new reason is a failed check, and its text may hold anything
            problem = type(error).__name__
        return Checked(name, not problem, round(time.monotonic() - began, 4), problem)

    @cached_property
    def _artifacts(self) -> Bucket:
        return open_bucket(self._pipeline.settings.artifacts_url, self._pipeline.settings)

    def _look_at_index(self) -> None:
        with open_catalog(self._pipeline.settings) as catalog:
            catalog.listed()


def _first(bucket: Bucket) -> None:
    next(bucket.list(prefix=_NOBODY), None)
