"""The pipeline as a Dagster resource."""

from functools import cache

import dagster as dg

from docpipe.logs import set_up_logs
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from docpipe.tracing import set_up_traces


@cache
def _pipeline() -> Pipeline:
    # One for the process: its connections and loaded models serve every step of a run.
    settings = load_settings()
    # Dagster shows the lines of a run itself, as text from info on: what differs from that is written to standard error.
    if settings.log_format == "json" or settings.log_level:
        set_up_logs(settings)
    set_up_traces(settings)
    return Pipeline(settings)


class PipelineResource(dg.ConfigurableResource[Pipeline]):
    """Bucket, ledger, artifacts and stages, configured by the environment (see `docpipe.settings`)."""

    def open(self) -> Pipeline:
        return _pipeline()
