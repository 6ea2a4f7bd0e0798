"""Third asset: passages learn what they are about."""

from collections.abc import Iterator

import dagster as dg

from doc_assets.asset import stage_asset
from doc_assets.batch_io import Fingerprints
from doc_assets.materialize import materialize
from docpipe.enrich.stage import CODE_VERSION
from docpipe.models import StageName
from resources.pipeline import PipelineResource


@stage_asset(StageName.ENRICHED_CHUNKS, CODE_VERSION)
def enriched_chunks(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, chunks: Fingerprints
) -> Iterator[dg.Output[Fingerprints]]:
    """What each passage is about: language, key phrases, dates, amounts, class and quality."""
    yield from materialize(context, pipeline.open(), StageName.ENRICHED_CHUNKS, list(chunks))
