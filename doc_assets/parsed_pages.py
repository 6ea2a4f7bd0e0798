"""First asset: bytes become pages."""

from collections.abc import Iterator

import dagster as dg

from doc_assets.asset import stage_asset
from doc_assets.batch_io import Fingerprints
from doc_assets.materialize import materialize
from doc_assets.partitions import run_keys
from docpipe.models import StageName
from docpipe.parse.stage import CODE_VERSION
from resources.pipeline import PipelineResource


@stage_asset(StageName.PARSED_PAGES, CODE_VERSION)
def parsed_pages(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> Iterator[dg.Output[Fingerprints]]:
    """Every page of the document as structured items, each with its place on the page."""
    opened = pipeline.open()
    yield from materialize(context, opened, StageName.PARSED_PAGES, run_keys(context.run, context.partition_keys, opened.ledger))
