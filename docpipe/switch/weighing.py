"""Is a collection as good as the searched one? Complete, and no worse on the golden set.

The numbers go into the ledger with the decision, as JSON:

    {"tried": {"by": <digest of what judges>, "indexed": <time of the newest point>},
     "golden_set": <sha256>, "questions": 96, "tolerance": 0.01, "lacking": 0,
     "candidate": {"collection": ..., "model": ..., "dimension": ..., "points": ..., "ndcg": ..., "mrr": ..., "recall": {"1": ...}},
     "searched": {the same, or null}}
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from docpipe.errors import DocpipeError, GoldenSetInvalid, TransientError
from docpipe.golden import Evaluation, GoldenSet, evaluate
from docpipe.index.contract import Listed
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings
from docpipe.switch.lack import lack_of


@dataclass(frozen=True, slots=True)
class Weighed:
    """Whether a collection may take the place, why, and the numbers."""

    accepted: bool
    reason: str
    quality: dict[str, Any]


def weigh(pipeline: Pipeline, candidate: Listed, searched: Listed | None) -> Weighed:
    """Compare two collections; raises `TransientError` where one of them, or its model, is out of reach now."""
    settings = pipeline.settings
    quality: dict[str, Any] = {"candidate": _described(candidate), "searched": _described(searched) if searched else None}
    lack = lack_of(pipeline, candidate.collection, searched.collection if searched else None)
    quality["lacking"] = lack.total
    name = candidate.collection.name
    if lack:
        return Weighed(False, f"{name} lacks {lack}: `docpipe check --repair` or `docpipe reprocess --failed` indexes them", quality)
    if not settings.golden_set:
        return Weighed(True, f"{name} is complete; quality was not compared, since DOCPIPE_GOLDEN_SET names no golden set", quality)
    try:
        golden = GoldenSet.load(settings.golden_set)
        quality |= {"golden_set": golden.sha256, "questions": len(golden.queries), "tolerance": settings.golden_tolerance}
        new = evaluate(settings, golden, candidate.collection)
    except TransientError:
        raise
    except DocpipeError as error:
        return Weighed(False, f"the quality of {name} cannot be measured: {error}", quality)
    quality["candidate"] |= _numbers(new)
    if searched is None:
        return Weighed(True, f"{name} is complete, nDCG@10 {new.ndcg:.3f}; nothing else is searched", quality)
    try:
        old = evaluate(settings, golden, searched.collection)
    except TransientError:
        raise
    except DocpipeError as error:
        # Nobody can search it either.
        return Weighed(True, f"{name} is complete, nDCG@10 {new.ndcg:.3f}; {searched.collection.name} cannot be searched: {error}", quality)
    quality["searched"] |= _numbers(old)
    numbers = f"nDCG@10 {new.ndcg:.3f} against {old.ndcg:.3f} of {searched.collection.name} over {new.queries} questions"
    if new.ndcg < old.ndcg - settings.golden_tolerance:
        lost = f"it may lose {settings.golden_tolerance} (DOCPIPE_GOLDEN_TOLERANCE)"
        return Weighed(False, f"{name} finds less: {numbers}, and {lost}", quality)
    verdict = "no worse" if new.ndcg >= old.ndcg else f"loses no more than {settings.golden_tolerance}"
    return Weighed(True, f"{name} is complete and {verdict}: {numbers}", quality)


def judged_by(settings: Settings) -> str:
    """Digest of what judges beside the collections: the golden set, the tolerance and how searches are fused."""
    golden = ""
    if settings.golden_set:
        try:
            golden = GoldenSet.load(settings.golden_set).sha256
        except GoldenSetInvalid as error:
            golden = str(error)
    what = [golden, settings.golden_tolerance, settings.search_dense_weight, settings.search_sparse_weight]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def _described(listed: Listed) -> dict[str, Any]:
    collection = listed.collection
    return {"collection": collection.name, "model": collection.model, "dimension": collection.dimension, "points": listed.points}


def _numbers(evaluation: Evaluation) -> dict[str, Any]:
    recall = {str(cutoff): round(value, 4) for cutoff, value in evaluation.recall.items()}
    return {"ndcg": round(evaluation.ndcg, 4), "mrr": round(evaluation.mrr, 4), "recall": recall}
