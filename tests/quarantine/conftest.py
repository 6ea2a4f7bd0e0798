"""One site on a folder and on S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from docpipe.pipeline import Pipeline
from docpipe.settings import Settings
from tests.bucket.s3_buckets import create_bucket, s3_settings
from tests.quarantine.site import Site


@pytest.fixture(params=["folder", "s3"])
def site(request: pytest.FixtureRequest, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = settings()
    if request.param == "s3":
        asked = s3_settings(settings, request.getfixturevalue("s3_endpoint"))
        made = asked.model_copy(update={"bucket": f"s3://{create_bucket(asked)}/in"})
    opened = Site(Pipeline(made))
    stages = opened.stages
    monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": stages[name])
    yield opened
    opened.pipeline.ledger.close()
