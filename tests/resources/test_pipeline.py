"""The pipeline as a resource: one for each process, made by the environment."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from docpipe.errors import ConfigurationError
from resources.pipeline import PipelineResource, _pipeline
from tests.installation import Installation


def test_all_steps_of_a_process_share_one_pipeline(installation: Installation) -> None:
    first, second = PipelineResource().open(), PipelineResource().open()
    assert first is second is installation.pipeline
    assert first.ledger is second.ledger


def test_it_is_configured_by_the_environment(installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "elsewhere"))
    _pipeline.cache_clear()
    assert PipelineResource().open().settings.home == tmp_path / "elsewhere"


def test_a_step_is_given_it(installation: Installation) -> None:
    homes: list[Path] = []

    @dg.asset
    def step(pipeline: PipelineResource) -> None:
        homes.append(pipeline.open().settings.home)

    assert dg.materialize([step], instance=installation.instance, resources={"pipeline": PipelineResource()}).success
    assert homes == [installation.pipeline.settings.home]


def test_wrong_settings_name_the_variable(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_WORKERS", "many")
    _pipeline.cache_clear()
    with pytest.raises(ConfigurationError, match="DOCPIPE_WORKERS"):
        PipelineResource().open()
    # Put right, the next try is not held back by what failed.
    monkeypatch.setenv("DOCPIPE_WORKERS", "1")
    assert PipelineResource().open().settings.workers == 1
