"""The environment of the tests: none of the product's variables, but the folder of converted models, which they all share.

Converting a model costs eight CPU-seconds, and nearly every test has a home of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import boto3
import pytest

_MODELS = "DOCPIPE_MODELS"
_OURS = ("DOCPIPE_", "S3_", "AWS_", "DAGSTER_", "REDIS_", "CELERY_", "OTEL_", "LOG_LEVEL", "MONITORING_ENABLED")


def share_models(config: pytest.Config) -> None:
    """Set the folder for this session and all processes it starts; it goes with the session."""
    folder = tempfile.mkdtemp(prefix="docpipe-models-")
    os.environ[_MODELS] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def forget_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell says about the product is no part of a test."""
    for name in set(os.environ) - set(remaining_variables()):
        monkeypatch.delenv(name)
    # It would keep the keys of the test that used it first.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def remaining_variables() -> dict[str, str]:
    """For a process of its own."""
    return {name: value for name, value in os.environ.items() if name == _MODELS or not name.startswith(_OURS)}
