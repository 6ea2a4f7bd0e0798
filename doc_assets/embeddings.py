"""Fourth asset: passages become vectors."""

from collections.abc import Iterator

import dagster as dg

from doc_assets.asset import stage_asset
from doc_assets.batch_io import Fingerprints
from doc_assets.materialize import materialize
from docpipe.embed.stage import CODE_VERSION
from docpipe.models import StageName
from resources.pipeline import PipelineResource


@stage_asset(StageName.EMBEDDINGS, CODE_VERSION)
def embeddings(context: dg.AssetExecutionContext, pipeline: PipelineResource, chunks: Fingerprints) -> Iterator[dg.Output[Fingerprints]]:
    """One vector a passage, in length-sorted batches across all documents of the run."""
    yield from materialize(context, pipeline.open(), StageName.EMBEDDINGS, list(chunks))
