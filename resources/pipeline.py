"""The pipeline as a Dagster resource."""

from functools import cache

import dagster as dg

from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings


@cache
def _pipeline() -> Pipeline:
    # One for the process: its connections and loaded models serve every step of a run.
    return Pipeline(load_settings())


class PipelineResource(dg.ConfigurableResource[Pipeline]):
    """Bucket, ledger, artifacts and stages, configured by the environment (see `docpipe.settings`)."""

    def open(self) -> Pipeline:
        return _pipeline()
