"""Second asset: pages become passages."""

from collections.abc import Iterator

import dagster as dg

from doc_assets.asset import stage_asset
from doc_assets.batch_io import Fingerprints
from doc_assets.materialize import materialize
from docpipe.chunk.stage import CODE_VERSION
from docpipe.models import StageName
from resources.pipeline import PipelineResource


@stage_asset(StageName.CHUNKS, CODE_VERSION)
def chunks(context: dg.AssetExecutionContext, pipeline: PipelineResource, parsed_pages: Fingerprints) -> Iterator[dg.Output[Fingerprints]]:
    """Passages that fit the embedder, with heading path, pages and boxes."""
    yield from materialize(context, pipeline.open(), StageName.CHUNKS, list(parsed_pages))
