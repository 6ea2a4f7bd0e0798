"""Fifth asset: vectors become searchable."""

from collections.abc import Iterator

import dagster as dg

from doc_assets.asset import stage_asset
from doc_assets.batch_io import Fingerprints
from doc_assets.materialize import materialize
from docpipe.index.stage import CODE_VERSION
from docpipe.models import StageName
from resources.pipeline import PipelineResource


@stage_asset(StageName.INDEXED_VECTORS, CODE_VERSION)
def indexed_vectors(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, enriched_chunks: Fingerprints, embeddings: Fingerprints
) -> Iterator[dg.Output[Fingerprints]]:
    """The document's points in the search index; those of older generations go once these are in."""
    yield from materialize(context, pipeline.open(), StageName.INDEXED_VECTORS, [key for key in embeddings if key in enriched_chunks])
