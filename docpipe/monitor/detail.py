"""How the pipeline is doing, in one JSON object for people; never a key, a password or the URL that may hold one."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from docpipe.metrics.sample import Sample
from docpipe.monitor.check import Checked
from docpipe.settings import Settings

_PACKAGES = ("docpipe", "dagster", "docling-core", "openvino", "pymupdf", "qdrant-client", "qdrant-edge-py", "sqlalchemy", "torch")


class Detail:
    """What is fixed for the life of the server, and what is asked each time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.monotonic()
        self._versions = {"python": platform.python_version(), **_installed()}

    def of(self, checks: Sequence[Checked], samples: Sequence[Sample]) -> Mapping[str, Any]:
        """Put it together; without samples (the ledger is away) the rest is still told."""
        look = next(iter(_numbers(samples, "docpipe_last_look_timestamp_seconds").values()), None)
        return {
            "ready": all(check.answers for check in checks),
            "uptime_seconds": round(time.monotonic() - self._began, 1),
            "checks": {one.name: {"answers": one.answers, "seconds": one.seconds, "problem": one.problem} for one in checks},
            "versions": self._versions,
            "models": {
                "embedder": self._settings.embedder,
                "vision": self._settings.vision_model,
                "reranker": self._settings.reranker,
            },
            "last_look": datetime.fromtimestamp(look, UTC).isoformat() if look else None,
            "documents": _numbers(samples, "docpipe_documents", "status"),
            "quarantined": next(iter(_numbers(samples, "docpipe_quarantined_documents").values()), None),
            "queues": {
                lane: {"documents": number, "oldest_seconds": _numbers(samples, "docpipe_queue_oldest_seconds", "lane").get(lane)}
                for lane, number in _numbers(samples, "docpipe_queue_documents", "lane").items()
            },
            "living_runs": next(iter(_numbers(samples, "docpipe_run_heartbeats").values()), None),
            "index_points": _numbers(samples, "docpipe_index_points", "collection"),
            "caches": {
                cache: {"hits": hits, "misses": _numbers(samples, "docpipe_cache_misses_total", "cache").get(cache, 0.0)}
                for cache, hits in _numbers(samples, "docpipe_cache_hits_total", "cache").items()
            },
            "budgets_usd": _numbers(samples, "docpipe_budget_usd", "provider"),
            "spent_today_usd": _numbers(samples, "docpipe_spent_today_usd", "provider"),
        }


def _numbers(samples: Iterable[Sample], name: str, label: str = "") -> dict[str, float]:
    return {sample.labels.get(label, ""): sample.value for sample in samples if sample.name == name}


def _installed() -> Mapping[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
