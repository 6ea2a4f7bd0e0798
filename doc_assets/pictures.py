"""Pictures for the Dagster UI, each as a metadata value: people would rather look than read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from doc_assets.charts import histogram
from doc_assets.parsed_pictures import parsed_pictures
from docpipe.models import ChunkedDocument, EnrichedDocument, StageName
from docpipe.pipeline import Pipeline

SAMPLED = 20
"""Documents of a run whose artifacts are read again for a picture."""

log = logging.getLogger(__name__)


def pictures(pipeline: Pipeline, stage: StageName, made: Sequence[str], fingerprints: Mapping[str, str]) -> dict[str, Any]:
    """What there is to look at after a stage: a page with its boxes, a histogram, the classes found.

    Never raises: a batch that is done must not fail for want of a picture.
    """
    try:
        return _pictures(pipeline, stage, [(key, fingerprints[key]) for key in made[:SAMPLED]])
    except Exception as error:
        log.warning("no picture of %s", stage, exc_info=True)
        return {"no_picture": f"{type(error).__name__}: {error}"}


def _pictures(pipeline: Pipeline, stage: StageName, sample: Sequence[tuple[str, str]]) -> dict[str, Any]:
    stored = ((key, fingerprint, pipeline.artifacts.load(stage, key, fingerprint)) for key, fingerprint in sample)
    match stage:
        case StageName.PARSED_PAGES:
            return parsed_pictures(pipeline, stored)
        case StageName.CHUNKS:
            tokens = [chunk.tokens for _, _, data in stored for chunk in ChunkedDocument.from_bytes(data).chunks]
            return {"chunk_lengths": histogram(tokens, "tokens in a chunk")} if tokens else {}
        case StageName.ENRICHED_CHUNKS:
            enriched = [EnrichedDocument.from_bytes(data) for _, _, data in stored]
            quality = [one.quality for artifact in enriched for one in artifact.enrichments]
            if not quality:
                return {}
            classes = [artifact.document_class or "none" for artifact in enriched]
            return {"document_classes": _table("class", classes), "chunk_quality": histogram(quality, "quality of a chunk")}
        case _:
            return {}


def _table(name: str, values: Sequence[str]) -> dg.TableMetadataValue:
    counted = sorted(((values.count(value), value) for value in set(values)), reverse=True)
    return dg.MetadataValue.table([dg.TableRecord({name: value, "count": count}) for count, value in counted])
